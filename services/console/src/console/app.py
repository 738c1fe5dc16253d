"""The composition root."""

from collections.abc import Mapping
from functools import partial
from importlib.resources import files

from fastapi import FastAPI
from starlette.routing import Mount

from console.adapters.changes import ChangesReads, PostgresChanges
from console.adapters.drift import PostgresDrift
from console.adapters.neighbours import open_neighbours
from console.adapters.postgres import PostgresLiveBudgets, PostgresRejections, PostgresSystems
from console.adapters.reads import Reads
from console.adapters.replays import PostgresReplays
from console.adapters.services import OtherService
from console.adapters.sessions import Sessions
from console.api.access import Access
from console.api.application import create_application
from console.api.audit import AuditRoutes
from console.api.autonomy import AutonomyRoutes
from console.api.decisions import DecisionRoutes
from console.api.drift import DriftRoutes
from console.api.events import EventLimits, EventRoutes
from console.api.feeds import FeedRoutes
from console.api.incidents import IncidentRoutes
from console.api.live import LiveRoutes
from console.api.rejected import RejectedRoutes
from console.api.relayed import RelayedRoutes
from console.api.reviews import ReviewRoutes
from console.api.rollouts import RolloutRoutes
from console.api.systems import SystemRoutes
from console.domain.roles import check_one_kind
from console.domain.tokens import tokens_by_digest
from console.domain.users import User, users_by_name
from console.pages.access import People
from console.pages.changes import ChangesRoute
from console.pages.site import site
from console.replaying import Replayer
from console.service import NAME, Console, wiring
from console.settings import Settings
from flyball.bus.producer import open_publisher
from flyball.bus.relay import Publisher
from flyball.bus.runtime import Runtime
from flyball.observe.health import Health
from flyball.observe.metrics import Metrics
from flyball.store.postgres import PostgresDatabase, PostgresTransaction, open_postgres

SCHEMA = "console"
MIGRATIONS = files("console").joinpath("migrations")


async def serve(environment: Mapping[str, str]) -> None:
    """Run until cancelled."""
    settings = Settings.from_environment(environment)
    metrics, health = Metrics(NAME), Health()
    async with (
        open_postgres(settings, SCHEMA, [MIGRATIONS]) as database,
        open_publisher(settings, f"{NAME}-events") as publisher,
        open_neighbours(settings) as neighbours,
    ):
        console = service(settings)
        api = application(settings, console, database, publisher, neighbours, health)
        routes = [Mount("", app=api)]
        await Runtime(wiring(console, metrics), settings, settings, database, metrics, routes, health).run()


def service(settings: Settings) -> Console[PostgresTransaction]:
    """The shell on Postgres."""
    rejections = partial(PostgresRejections, records_per_system_max=settings.rejected_records_per_system_max)
    return Console(
        settings.spec_notice, PostgresSystems, rejections, PostgresLiveBudgets, PostgresDrift, PostgresChanges
    )


def application(
    settings: Settings,
    console: Console[PostgresTransaction],
    database: PostgresDatabase,
    publisher: Publisher,
    neighbours: Mapping[str, OtherService],
    health: Health,
) -> FastAPI:
    """The public API."""
    reads = Reads(database)
    limits = EventLimits(
        settings.events_request_bytes_max,
        settings.events_request_events_max,
        settings.events_requests_at_once_max,
        settings.publish_seconds_max,
    )
    ingest, ledger = neighbours["telemetry-ingest"], neighbours["budget-ledger"]
    routers = (
        SystemRoutes(console, database, reads).router(),
        # Before the budgets: "live" is not the name of a system here.
        LiveRoutes(reads, settings.live_clients_max, health).router(),
        RelayedRoutes(ingest, ledger).router(),
        FeedRoutes(ingest).router(),
        AuditRoutes(neighbours["audit-log"], neighbours).router(),
        DriftRoutes(neighbours["drift-detector"]).router(),
        AutonomyRoutes(neighbours["autonomy-controller"]).router(),
        ReviewRoutes(neighbours["autonomy-controller"]).router(),
        DecisionRoutes(neighbours["autonomy-controller"]).router(),
        IncidentRoutes(neighbours["notifier"]).router(),
        RolloutRoutes(neighbours["rollback-executor"]).router(),
        RejectedRoutes(reads, Replayer(PostgresReplays), database).router(),
        EventRoutes(publisher, limits).router(),
    )
    access = Access(tokens_by_digest(settings.api_tokens))
    people = People(users(settings), Sessions(database, settings.session_lasts), access, settings.cookies_secure)
    check_one_kind([token.caller for token in access.tokens.values()] + [user.caller for user in people.users.values()])
    pages = site(people)
    changes = ChangesRoute(ChangesReads(database), settings.live_clients_max, health)
    made = create_application((*routers, *pages.routers(reads, neighbours, changes)), access)
    pages.install(made)
    return made


def users(settings: Settings) -> Mapping[str, User]:
    """Local users. Raises ``ValueError`` that names the line, ``OSError`` for a file that cannot be read."""
    return users_by_name(settings.users_file.read_text(encoding="utf-8")) if settings.users_file else {}
