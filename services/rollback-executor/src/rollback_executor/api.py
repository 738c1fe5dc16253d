"""Questions about rollouts, and what people may ask for."""

from dataclasses import asdict
from hashlib import sha256
from typing import Any
from uuid import UUID, uuid4, uuid5

from pydantic import ValidationError
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from flyball.observe.bodies import read
from flyball.observe.http import Endpoint, problem, with_token
from flyball.observe.problems import Answers, not_valid_after_all, with_problems, without_nul
from flyball.schemas.base import DEFAULT_TENANT
from flyball.store.errors import Transient
from flyball.store.postgres import PostgresDatabase, PostgresTransaction
from rollback_executor.adapters.reading import read_changes, read_effects, read_newest, read_rollout, read_rollouts
from rollback_executor.desk import Answer, Desk
from rollback_executor.domain.rollout import Rollout
from rollback_executor.domain.routing import release_for
from rollback_executor.ports import TargetName
from rollback_executor.requests import CommandRequest, GateRequest, Proposal, RollbackRequest, RouteQuestion

ROLLOUTS_MAX = 100
CHANGES_MAX = 200
BODY_BYTES_MAX = 65_536
NUMBER_DIGITS_MAX = 18
KEY_NAMESPACE = UUID("1c7e9b8a-52f4-5c3e-9d1b-7a6f5e4d3c2b")
IDEMPOTENCY_KEY = "idempotency-key"
GATE_CLOSED = "gate_closed"
ON_WHICH = ("dimension", "zone", "remaining_ppm", "policy_version", "entry")
"""What the gate's answer rests on, down to the entry of the ledger."""
ANSWERS: Answers = {
    Transient: lambda error: problem(503, "Away for now", f"{error}; try again, with the same Idempotency-Key"),
    ValidationError: not_valid_after_all,
}


class RolloutQuestions:
    """Answers from the service's own tables."""

    def __init__(self, database: PostgresDatabase, desk: Desk[PostgresTransaction]) -> None:
        self._database = database
        self._desk = desk

    async def rollouts(self, request: Request) -> Response:
        query = request.query_params
        before = query.get("before")
        if before is not None and not (before.isdecimal() and len(before) <= NUMBER_DIGITS_MAX):
            return problem(422, "Not valid", "before is the number that an earlier page gave as next")
        found = await read_rollouts(
            self._database,
            query.get("tenant", DEFAULT_TENANT),
            query.get("system"),
            query.get("environment"),
            int(before) if before else None,
            ROLLOUTS_MAX,
            open_only=query.get("open") == "true",
        )
        following = found[-1][0] if len(found) == ROLLOUTS_MAX else None
        return JSONResponse({"items": [change for _, change in found], "next": following})

    async def rollout(self, request: Request) -> Response:
        rollout_id = request.path_params["rollout_id"]
        found = await read_rollout(self._database, rollout_id)
        if found is None:
            return problem(404, "Not found", f"there is no rollout {rollout_id!r}")
        return JSONResponse(
            {
                **_fields(found.rollout),
                "policy": found.policy.model_dump(mode="json"),
                "changes": await read_changes(self._database, rollout_id, CHANGES_MAX),
                "effects": await read_effects(self._database, rollout_id),
            }
        )

    async def route(self, request: Request) -> Response:
        asked = RouteQuestion.model_validate(dict(request.query_params))
        found = await read_newest(self._database, TargetName(asked.tenant, asked.system, asked.environment))
        if found is None:
            return problem(404, "Not found", f"no rollout of {asked.system} in {asked.environment} is known")
        rollout, pointer = found.rollout, found.rollout.pointer
        return JSONResponse(
            {"release": release_for(pointer, asked.unit), "rollout_id": rollout.id, "epoch": rollout.epoch}
        )

    async def propose(self, request: Request) -> Response:
        proposal = await read(request, Proposal, BODY_BYTES_MAX)
        key = request.headers.get(IDEMPOTENCY_KEY)
        name = f"{proposal.tenant}/{proposal.system}/{proposal.environment}"
        identity = uuid5(KEY_NAMESPACE, f"{name}/{sha256(key.encode()).hexdigest()}") if key else uuid4()
        return _answered(await self._desk.propose(proposal, str(identity)), 201)

    async def command(self, request: Request) -> Response:
        asked = await read(request, CommandRequest, BODY_BYTES_MAX)
        return _answered(await self._desk.command(request.path_params["rollout_id"], asked), 200)

    async def roll_back(self, request: Request) -> Response:
        asked = await read(request, RollbackRequest, BODY_BYTES_MAX)
        return _answered(await self._desk.roll_back(asked), 200 if asked.dry_run else 202)

    async def gate(self, request: Request) -> Response:
        asked = await read(request, GateRequest, BODY_BYTES_MAX)
        said = await self._desk.ask_gate(asked)
        states = said.states.model_dump(mode="json") if said.states else {"as_of": None, "budgets": []}
        return JSONResponse(
            {
                "system": asked.system,
                "environment": asked.environment,
                "release": asked.release,
                "open": said.is_open,
                "reasons": said.reasons,
                "advice": said.advice,
                "as_of": states["as_of"],
                "budgets": [{name: budget[name] for name in ON_WHICH} for budget in states["budgets"]],
            }
        )


def _answered(answer: Answer, status: int) -> Response:
    if answer.reasons:
        detail = "; ".join(answer.reasons)
        extra = {"rollout": _fields(answer.rollout)} if answer.rollout else {}
        if answer.is_missing:
            return problem(404, "Not found", detail)
        named = {"reason": GATE_CLOSED} if answer.is_gate_closed else {}
        return problem(409, "Refused", detail, reasons=list(answer.reasons), **named, **extra)
    if answer.rollout is None:
        return problem(404, "Not found", "there is no such rollout")
    return JSONResponse({**_fields(answer.rollout), "advice": list(answer.advice)}, status_code=status)


def _fields(rollout: Rollout) -> dict[str, Any]:
    return {
        "rollout_id": rollout.id,
        "tenant": rollout.tenant,
        "system": rollout.system,
        "environment": rollout.environment,
        "baseline": rollout.baseline,
        "candidate": rollout.candidate,
        "restores": rollout.restore.stable,
        "step": rollout.step,
        "share_basis_points": rollout.share_basis_points,
        "epoch": rollout.epoch,
        "version": rollout.version,
        "adapter": rollout.adapter,
        "requested_by": rollout.requested_by,
        "hold": asdict(rollout.hold) if rollout.hold else None,
        "inputs": rollout.sequence,
        "inputs_digest": rollout.inputs_digest,
    }


def routes(database: PostgresDatabase, desk: Desk[PostgresTransaction], token: str) -> list[Route]:
    asked = RolloutQuestions(database, desk)
    table: list[tuple[str, str, Endpoint]] = [
        ("GET", "/v1/rollouts", asked.rollouts),
        ("POST", "/v1/rollouts", asked.propose),
        ("GET", "/v1/rollouts/{rollout_id}", asked.rollout),
        ("POST", "/v1/rollouts/{rollout_id}/commands", asked.command),
        ("POST", "/v1/rollbacks", asked.roll_back),
        ("POST", "/v1/gates/deploy", asked.gate),
        ("GET", "/v1/route", asked.route),
    ]
    return [
        Route(path, with_token(token, without_nul(with_problems(answer, ANSWERS))), methods=[method])
        for method, path, answer in table
    ]
