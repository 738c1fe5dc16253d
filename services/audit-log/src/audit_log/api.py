"""Questions about the audit log."""

import asyncio
from typing import Any
from uuid import UUID

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from audit_log.adapters.postgres import all_links, read_newest, read_record
from audit_log.domain.chain import Link
from audit_log.domain.verify import Verdict, verify
from audit_log.ports import CheckpointStore, Signer
from flyball.observe.http import problem, with_token
from flyball.schemas.base import DEFAULT_TENANT
from flyball.store.postgres import PostgresDatabase

PAGE_MAX = 200


class AuditQuestions:
    """Answers from the chain itself."""

    def __init__(self, database: PostgresDatabase, signer: Signer, checkpoints: CheckpointStore) -> None:
        self._database = database
        self._signer = signer
        self._checkpoints = checkpoints

    async def records(self, request: Request) -> Response:
        query = request.query_params
        before = query.get("before", "")
        if before and not before.isdecimal():
            return problem(400, "Bad request", f"before is the sequence of a record, not {before[:40]!r}")
        tenant = query.get("tenant", DEFAULT_TENANT)
        links = await read_newest(self._database, tenant, before=int(before) if before else None, links_max=PAGE_MAX)
        following = links[-1].sequence if len(links) == PAGE_MAX else None
        return JSONResponse({"items": [_fields(link) for link in links], "next": following})

    async def record(self, request: Request) -> Response:
        tenant, text = request.query_params.get("tenant", DEFAULT_TENANT), request.path_params["record_id"]
        try:
            link = await read_record(self._database, tenant, UUID(text))
        except ValueError:
            return problem(400, "Bad request", "a record's id is a UUID; see /v1/audit/records")
        if link is None:
            return problem(404, "Not found", f"no record {text} of tenant {tenant}; see /v1/audit/records")
        return JSONResponse(_fields(link))

    async def verification(self, request: Request) -> Response:
        tenant = request.query_params.get("tenant", DEFAULT_TENANT)
        # Checkpoints first: one that is signed while the links are read must not look like a cut tail.
        checkpoints = await self._checkpoints.read(tenant)
        links = [link async for link in all_links(self._database, tenant)]
        verdict = await asyncio.to_thread(verify, tenant, links, checkpoints, self._signer.is_genuine)
        return JSONResponse(_verdict_fields(verdict))


def _fields(link: Link) -> dict[str, Any]:
    content = link.content
    return {"sequence": link.sequence, "hash": link.hash, "recorded_at": content["ts"], **content["event"]}


def _verdict_fields(verdict: Verdict) -> dict[str, Any]:
    return {
        "links": verdict.links,
        "checkpoints": verdict.checkpoints,
        "intact": not verdict.findings,
        "findings": [
            {"sequence": found.sequence, "kind": found.kind, "detail": found.detail} for found in verdict.findings
        ],
    }


def routes(database: PostgresDatabase, signer: Signer, checkpoints: CheckpointStore, token: str) -> list[Route]:
    questions = AuditQuestions(database, signer, checkpoints)
    return [
        Route("/v1/audit/records", with_token(token, questions.records)),
        Route("/v1/audit/records/{record_id}", with_token(token, questions.record)),
        Route("/v1/audit/verification", with_token(token, questions.verification)),
    ]
