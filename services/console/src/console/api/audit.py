"""The audit log: its records, whether it is intact, and whether a decision comes out the same again."""

import json
from collections.abc import Mapping
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict
from starlette.responses import Response

from console.adapters.services import OtherService
from console.api.access import requires
from console.api.problems import documented
from console.api.relayed import odd, passed_on
from flyball.schemas.digest import digest_of


class AuditEntry(BaseModel):
    """One decision in its place in the chain."""

    model_config = ConfigDict(extra="allow")

    sequence: int
    hash: str
    id: str
    system: str
    service: str
    kind: str
    subject: str
    actor: str
    decision: str
    reason: str
    decided_at: str


class AuditPage(BaseModel):
    items: list[AuditEntry]
    next: int | None


class Flaw(BaseModel):
    sequence: int
    kind: str
    detail: str


class Verification(BaseModel):
    """How much was looked at, and all that is wrong with it."""

    links: int
    checkpoints: int
    intact: bool
    findings: list[Flaw]


class DecidedAgain(BaseModel):
    """A recorded decision beside the one that the same inputs lead to today; null where nobody can say."""

    record: AuditEntry
    inputs_intact: bool
    decided_again: str | None
    same: bool | None


class AuditRoutes:
    def __init__(self, audit: OtherService, deciders: Mapping[str, OtherService]) -> None:
        self._audit = audit
        self._deciders = deciders

    def router(self) -> APIRouter:
        router = APIRouter()
        for path, endpoint, model in (
            ("/v1/audit/records", self.records, AuditPage),
            ("/v1/audit/verification", self.verification, Verification),
            ("/v1/audit/records/{record_id}/explain", self.explain, DecidedAgain),
        ):
            router.add_api_route(
                path,
                endpoint,
                response_model=model,
                responses=documented(404, 422, 502, 503),
                tags=["audit"],
                dependencies=[requires("viewer")],
            )
        return router

    async def records(self, before: Annotated[int | None, Query(ge=1)] = None) -> Response:
        """The newest decisions first, those before ``before`` where it is given."""
        parameters = {"before": None if before is None else str(before)}
        return passed_on(self._audit, await self._audit.ask("/v1/audit/records", parameters))

    async def verification(self) -> Response:
        """Check every link and every checkpoint of the chain."""
        return passed_on(self._audit, await self._audit.ask("/v1/audit/verification", {}))

    async def explain(self, record_id: str) -> Response:
        """Decide a recorded decision again, from its stored inputs, and say whether it comes out the same."""
        answer = await self._audit.ask(f"/v1/audit/records/{record_id}", {})
        if answer.status != HTTPStatus.OK:
            return passed_on(self._audit, answer)
        record: dict[str, Any] = json.loads(answer.body)
        again = await self._decide_again(record)
        explained = DecidedAgain(
            record=AuditEntry.model_validate(record),
            inputs_intact=digest_of(record["inputs"]) == record["inputs_digest"],
            decided_again=again,
            same=None if again is None else again == record["decision"],
        )
        return Response(explained.model_dump_json(), media_type="application/json")

    async def _decide_again(self, record: Mapping[str, Any]) -> str | None:
        decider = self._deciders.get(record["service"])
        if decider is None:
            return None
        answer = await decider.tell("/v1/decide-again", {"kind": record["kind"], "inputs": record["inputs"]})
        if answer.status in (HTTPStatus.UNPROCESSABLE_ENTITY, HTTPStatus.NOT_FOUND):
            # Inputs of another release, or a service that decides nothing again: nothing is made up.
            return None
        if answer.status != HTTPStatus.OK:
            raise odd(decider, f"asked to decide again it answered {answer.status}")
        decision: str = json.loads(answer.body)["decision"]
        return decision
