"""Answers of telemetry-ingest and budget-ledger, passed on as they are."""

from datetime import datetime
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, ConfigDict, ValidationError
from starlette.responses import Response

from console.adapters.services import Answer, OtherService
from console.api.access import requires
from console.api.conditional import unless_known
from console.api.problems import ProblemError, documented
from flyball.observe.http import PROBLEM
from flyball.schemas.budgets import BudgetStatement

Name = Annotated[str | None, Query(max_length=63)]


class Totals(BaseModel):
    """One system's events: published = counted + duplicates + rejected. Late ones are among the counted."""

    model_config = ConfigDict(extra="allow")

    system: str
    published: int
    counted: int
    duplicates: int
    rejected: int
    late: int
    declared: bool
    first_seen_at: datetime
    last_seen_at: datetime


class TotalsPage(BaseModel):
    items: list[Totals]
    next: str | None


class Budgets(BaseModel):
    """All budgets of one system; ``as_of`` is null while nothing was counted."""

    model_config = ConfigDict(extra="allow")

    tenant: str
    system: str
    as_of: datetime | None
    worst: str
    budgets: list[BudgetStatement]


class BudgetsPage(BaseModel):
    items: list[Budgets]
    next: str | None = None


class Explanation(BaseModel):
    """How a budget's figures came about: the sums by kind of posting and the last entries of its chain."""

    model_config = ConfigDict(extra="allow")

    system: str
    dimension: str
    statement: BudgetStatement
    policy: dict[str, Any]
    totals: list[dict[str, Any]]
    entries: list[dict[str, Any]]
    formula: str


class RelayedRoutes:
    def __init__(self, ingest: OtherService, ledger: OtherService) -> None:
        self._ingest, self._ledger = ingest, ledger

    def router(self) -> APIRouter:
        router = APIRouter()
        for path, endpoint, model in (
            ("/v1/totals", self.totals, TotalsPage),
            ("/v1/budgets", self.budgets, BudgetsPage),
            ("/v1/budgets/{system}", self.budget, Budgets),
            ("/v1/budgets/{system}/explain", self.explain, Explanation),
        ):
            router.add_api_route(
                path,
                endpoint,
                response_model=model,
                responses=documented(404, 422, 502, 503),
                tags=[path.split("/")[2]],
                dependencies=[requires("viewer")],
            )
        return router

    async def totals(self, system: Name = None, after: Name = None) -> Response:
        """What became of each system's events, from telemetry-ingest."""
        return passed_on(self._ingest, await self._ingest.ask("/v1/totals", {"system": system, "after": after}))

    async def budgets(self, request: Request, system: Name = None, after: Name = None) -> Response:
        """The budgets of each system, from budget-ledger."""
        return unless_known(request, await self._budgets(system, after))

    async def budget(self, system: str) -> Response:
        """The budgets of one system, from budget-ledger."""
        response = await self._budgets(system)
        try:
            items = BudgetsPage.model_validate_json(bytes(response.body)).items
        except ValidationError as error:
            raise odd(self._ledger, f"{error.error_count()} errors in its page of budgets") from error
        if not items:
            raise ProblemError(
                404,
                f"no budget of a system {system!r}",
                "nothing of it was ever counted; see GET /v1/totals, or send its events with `flyball send`",
            )
        return Response(items[0].model_dump_json(), media_type="application/json")

    async def _budgets(self, system: str | None, after: str | None = None) -> Response:
        return passed_on(self._ledger, await self._ledger.ask("/v1/budgets", {"system": system, "after": after}))

    async def explain(self, system: str, dimension: Annotated[str, Query(max_length=63)] = "accuracy") -> Response:
        """How one budget's figures came about, from budget-ledger."""
        answer = await self._ledger.ask(f"/v1/budgets/{system}/explain", {"dimension": dimension})
        return passed_on(self._ledger, answer)


def passed_on(service: OtherService, answer: Answer) -> Response:
    """What a service said, as it said it; a refused token or an answer that is not its own is a problem of ours."""
    if answer.status in (401, 403):
        raise odd(service, "it refused console's token; give both the same FLYBALL_SERVICE_TOKEN")
    if answer.status >= HTTPStatus.MULTIPLE_CHOICES and not answer.media_type.startswith(PROBLEM):
        raise odd(service, f"it answered {answer.status}; check that both services are of the same release")
    return Response(answer.body, answer.status, media_type=answer.media_type)


def odd(service: OtherService, detail: str) -> ProblemError:
    return ProblemError(502, f"{service.name} gave no usable answer", detail, service=service.name)
