"""Promotions: proposed by a person, judged by the gates, signed by people."""

from dataclasses import asdict
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from autonomy_controller.api.people import Person
from autonomy_controller.api.requests import Clock, attempt, read
from autonomy_controller.domain.promotions import SIGNATURES
from autonomy_controller.promoting import Judged, NotSignable, Promotions
from flyball.observe.http import Endpoint, problem
from flyball.schemas.base import DEFAULT_TENANT, Event, Name, ShortText
from flyball.store.postgres import PostgresTransaction


class Proposal(Event):
    tenant: Name = DEFAULT_TENANT
    system: Name
    action_class: Name
    evidence_epoch: ShortText
    person: Person


class Signature(Event):
    person: Person


class PromotionDesk:
    def __init__(self, promotions: Promotions[PostgresTransaction], clock: Clock) -> None:
        self._promotions = promotions
        self._clock = clock

    def routes(self) -> list[tuple[str, str, Endpoint]]:
        return [
            ("POST", "/v1/promotions", self.propose),
            ("POST", "/v1/promotions/{promotion_id}/signatures", self.sign),
        ]

    async def propose(self, request: Request) -> Response:
        given, now = await read(request, Proposal), self._clock()
        target = (given.tenant, given.system, given.action_class, given.evidence_epoch)
        return JSONResponse(_fields(await attempt(lambda: self._promotions.propose(target, given.person, now))))

    async def sign(self, request: Request) -> Response:
        given, now = await read(request, Signature), self._clock()
        promotion_id = request.path_params["promotion_id"]
        try:
            judged = await attempt(lambda: self._promotions.sign(promotion_id, given.person, now))
        except NotSignable as error:
            gates = [asdict(gate) for gate in error.gates]
            return problem(409, "Not promoted", error.detail, reason=error.reason, gates=gates)
        return JSONResponse(_fields(judged))


def _fields(judged: Judged) -> dict[str, Any]:
    needed = SIGNATURES.get(judged.promotion.from_level, 0)
    return {
        **judged.promotion.model_dump(mode="json"),
        "to_level": judged.promotion.from_level + 1,
        "holds": judged.holds,
        "gates": [asdict(gate) for gate in judged.gates],
        "signatures_needed": needed,
    }
