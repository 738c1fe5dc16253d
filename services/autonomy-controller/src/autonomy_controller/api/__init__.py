"""The HTTP port: decisions for agents, commands of people, questions about this service's own state."""

import secrets

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from autonomy_controller.api.agents import AgentDesk
from autonomy_controller.api.people import PeopleDesk
from autonomy_controller.api.promotions import PromotionDesk
from autonomy_controller.api.questions import Questions
from autonomy_controller.api.requests import Clock, guarded
from autonomy_controller.commands import Commands
from autonomy_controller.promoting import Promotions
from autonomy_controller.settings import Settings
from flyball.observe.http import Endpoint, with_token
from flyball.store.postgres import PostgresDatabase, PostgresTransaction


def routes(
    commands: Commands[PostgresTransaction],
    promotions: Promotions[PostgresTransaction],
    database: PostgresDatabase,
    settings: Settings,
    clock: Clock,
) -> list[Route]:
    """Every route. Agents' token opens the first group, the service token all of them."""
    agents, people = AgentDesk(commands, database, clock), PeopleDesk(commands, clock)
    desk, questions = PromotionDesk(promotions, clock), Questions(database)
    return [
        *(
            Route(path, _for_agents(settings, guarded(method, endpoint)), methods=[method])
            for method, path, endpoint in agents.routes()
        ),
        *(
            Route(
                path, with_token(settings.service_token.get_secret_value(), guarded(method, endpoint)), methods=[method]
            )
            for method, path, endpoint in (*people.routes(), *desk.routes(), *questions.routes())
        ),
    ]


def _for_agents(settings: Settings, endpoint: Endpoint) -> Endpoint:
    """Let agents in with their own token, if there is one, and our services with theirs."""
    by_service = with_token(settings.service_token.get_secret_value(), endpoint)
    if settings.agent_token is None:
        return by_service
    agents = f"Bearer {settings.agent_token.get_secret_value()}".encode()

    async def guarded(request: Request) -> Response:
        given = request.headers.get("authorization", "").encode()
        return await (endpoint if secrets.compare_digest(given, agents) else by_service)(request)

    return guarded
