"""``POST /api/v2/alerts``: what sends to an Alertmanager can send here. Each alert takes the way of all others."""

from collections.abc import Callable
from datetime import datetime
from uuid import uuid5

from pydantic import TypeAdapter, ValidationError
from starlette.requests import Request
from starlette.responses import Response

from flyball.bus.messages import fact
from flyball.observe.bodies import BodyTooLargeError, body_of, flaw_of
from flyball.observe.http import problem
from flyball.schemas.alerts import Alert
from flyball.schemas.base import DEFAULT_TENANT
from flyball.schemas.topics import ALERTS
from flyball.store.ports import Outgoing
from flyball.store.postgres import PostgresDatabase
from notifier.domain.posted import NotActionableError, PostedAlert, alert_of
from notifier.service import FACTS, NAME
from notifier.ticker import utc_now

BODY_BYTES_MAX = 524_288
ALERTS_MAX = 1_000
ERRORS_TOLD_MAX = 10
POSTED: TypeAdapter[list[PostedAlert]] = TypeAdapter(list[PostedAlert])


class PostedAlerts:
    """Good ones are taken even if others of the same request are not, as Alertmanager does."""

    def __init__(self, database: PostgresDatabase, clock: Callable[[], datetime] = utc_now) -> None:
        self._database = database
        self._clock = clock

    async def post(self, request: Request) -> Response:
        try:
            posted = POSTED.validate_json(await body_of(request, BODY_BYTES_MAX))
        except BodyTooLargeError as error:
            return problem(413, "Too large", str(error))
        except ValidationError as error:
            where, what = flaw_of(error)
            return problem(400, "Not alerts", f"{where or 'body'}: {what}")
        if len(posted) > ALERTS_MAX:
            return problem(413, "Too many", f"a request has {ALERTS_MAX} alerts at most")
        refused = await self._take(posted)
        if refused:
            told = "; ".join(refused[:ERRORS_TOLD_MAX])
            return problem(400, "Not all taken", f"{len(refused)} of {len(posted)} could be acted on by nobody: {told}")
        return Response(status_code=200)

    async def _take(self, posted: list[PostedAlert]) -> list[str]:
        """Put those that somebody can act on on the topic of all alerts; why each of the others was not."""
        taken: list[Alert] = []
        refused: list[str] = []
        for number, each in enumerate(posted):
            try:
                taken.append(alert_of(each, DEFAULT_TENANT, self._clock()))
            except NotActionableError as error:
                refused.append(f"alert {number}: {error}")
        if taken:
            async with self._database.transaction() as transaction:
                await transaction.enqueue([_message(alert) for alert in taken])
        return refused


def _message(alert: Alert) -> Outgoing:
    """Posted again and again while it fires, it is the same record."""
    ended = alert.ended_at.isoformat() if alert.ended_at else ""
    identity = uuid5(FACTS, f"posted/{alert.fingerprint}/{alert.started_at.isoformat()}/{ended}")
    time = alert.ended_at or alert.started_at
    return fact(ALERTS, alert, source=NAME, identity=identity, system=alert.system, time=time)
