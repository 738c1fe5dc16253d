"""Questions about drift, and what people may ask for."""

import asyncio
import json
from datetime import UTC, datetime
from typing import Any

from pydantic import ValidationError
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from drift_detector.adapters.postgres import Plans
from drift_detector.adapters.reading import read_references, read_reports, read_system, read_systems
from drift_detector.desk import REFERENCE_BYTES_MAX, Desk, RefusedError
from drift_detector.domain.audit import KIND, decide_again
from drift_detector.domain.policy import rules_at
from drift_detector.domain.views import detail, overview
from drift_detector.requests import Acknowledgement, Approval, Rebasing
from flyball.observe.bodies import read
from flyball.observe.decisions import decided_again
from flyball.observe.http import Endpoint, problem, with_token
from flyball.observe.problems import Answers, not_valid_after_all, with_problems, without_nul
from flyball.schemas.base import DEFAULT_TENANT
from flyball.store.postgres import PostgresDatabase, PostgresTransaction

SYSTEMS_MAX = 100
REFERENCES_MAX = 20
REPORTS_MAX = 100
BODY_BYTES_MAX = 2 * REFERENCE_BYTES_MAX
NUMBER_DIGITS_MAX = 9
LATEST = datetime.max.replace(tzinfo=UTC)
ANSWERS: Answers = {
    RefusedError: lambda error: problem(409, "Refused", str(error)),
    ValidationError: not_valid_after_all,
}


class DriftQuestions:
    """Answers from the service's own tables."""

    def __init__(self, database: PostgresDatabase, desk: Desk[PostgresTransaction], plans: Plans) -> None:
        self._database, self._desk, self._plans = database, desk, plans

    async def systems(self, request: Request) -> Response:
        tenant, after = _tenant(request), request.query_params.get("after", "")
        found = await read_systems(self._database, tenant, after, SYSTEMS_MAX)
        items = [overview(tenant, system, state) for system, state in found]
        return JSONResponse({"items": items, "next": items[-1]["system"] if len(items) == SYSTEMS_MAX else None})

    async def system(self, request: Request) -> Response:
        key = _tenant(request), request.path_params["system"]
        found = await read_system(self._database, self._plans, key)
        if found is None:
            return problem(404, "Not found", f"nothing was counted yet of a system {key[1]!r}")
        state, known = found.state, found.known
        rules = rules_at(found.revisions, state.watermark or LATEST)
        reference = next((one for one in known.references if one.version == state.version), None)
        plan = known.plans.get(state.version)
        # A second of arithmetic, for very many features: consumers need the loop meanwhile.
        shown = await asyncio.to_thread(detail, *key, state, found.recent, reference, plan, rules)
        announced = [one for one in known.references if one.version > state.version]
        return JSONResponse(shown | {"announced": [_announced(one) for one in announced]})

    async def references(self, request: Request) -> Response:
        key = _tenant(request), request.path_params["system"]
        version = _number(request, "version")
        bodies = await read_references(self._database, key, version, REFERENCES_MAX)
        return JSONResponse({"items": [json.loads(body) for body in bodies]})

    async def reports(self, request: Request) -> Response:
        key = _tenant(request), request.path_params["system"]
        rows = await read_reports(self._database, key, _number(request, "before"), REPORTS_MAX)
        items = [{"number": row["number"], **json.loads(row["body"])} for row in rows]
        return JSONResponse({"items": items, "next": items[-1]["number"] if len(items) == REPORTS_MAX else None})

    async def approve(self, request: Request) -> Response:
        made = await self._desk.approve(await read(request, Approval, BODY_BYTES_MAX))
        return JSONResponse(_announced(made), status_code=201)

    async def rebase(self, request: Request) -> Response:
        made = await self._desk.rebase(await read(request, Rebasing, BODY_BYTES_MAX))
        return JSONResponse(_announced(made), status_code=201)

    async def acknowledge(self, request: Request) -> Response:
        report = await self._desk.acknowledge(await read(request, Acknowledgement, BODY_BYTES_MAX))
        return JSONResponse(report.model_dump(mode="json"))


def routes(database: PostgresDatabase, desk: Desk[PostgresTransaction], plans: Plans, token: str) -> list[Route]:
    asked = DriftQuestions(database, desk, plans)
    table: list[tuple[str, str, Endpoint]] = [
        ("GET", "/v1/drift", asked.systems),
        ("GET", "/v1/drift/{system}", asked.system),
        ("GET", "/v1/drift/{system}/references", asked.references),
        ("GET", "/v1/drift/{system}/reports", asked.reports),
        ("POST", "/v1/drift/references", asked.approve),
        ("POST", "/v1/drift/rebasings", asked.rebase),
        ("POST", "/v1/drift/acknowledgements", asked.acknowledge),
        ("POST", "/v1/decide-again", decided_again(KIND, decide_again, BODY_BYTES_MAX)),
    ]
    return [
        Route(path, with_token(token, without_nul(with_problems(answer, ANSWERS))), methods=[method])
        for method, path, answer in table
    ]


def _tenant(request: Request) -> str:
    return request.query_params.get("tenant", DEFAULT_TENANT)


def _number(request: Request, name: str) -> int | None:
    """Raises ``RefusedError`` for what is not a number."""
    given = request.query_params.get(name)
    if given is None:
        return None
    if not given.isascii() or not given.isdigit() or len(given) > NUMBER_DIGITS_MAX:
        raise RefusedError(f"{name} is a whole number, not {given[:32]!r}")
    return int(given)


def _announced(reference: Any) -> dict[str, Any]:
    head: dict[str, Any] = reference.model_dump(mode="json", exclude={"features", "indicators"})
    return head | {"features": sorted(reference.features)}
