"""Declared systems: apply a spec, list, show."""

from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, ValidationError

from console.adapters.reads import Reads
from console.api.access import requires
from console.api.bodies import body_of
from console.api.problems import ProblemError, documented, field_errors
from console.domain.roles import Caller
from console.service import Console
from flyball.schemas.expected import unknown_expectations
from flyball.schemas.registry import SystemRevision, SystemSpec
from flyball.store.postgres import PostgresDatabase, PostgresTransaction

SPEC_BYTES_MAX = 262_144
PAGE_ITEMS_MAX = 500
BODY = {"required": True, "content": {"application/json": {"schema": SystemSpec.model_json_schema()}}}


class SystemItem(BaseModel):
    """The newest revision of a declared system."""

    tenant: str
    system: str
    version: int
    effective_at: datetime
    author: str
    spec: SystemSpec


class SystemsPage(BaseModel):
    items: list[SystemItem]
    next: str | None


class SystemDetail(SystemItem):
    revisions: list[SystemRevision]


class AppliedSystem(SystemItem):
    """``changed`` is false where the spec was already in force and no revision was added."""

    changed: bool


class SystemRoutes:
    def __init__(self, console: Console[PostgresTransaction], database: PostgresDatabase, reads: Reads) -> None:
        self._console, self._database, self._reads = console, database, reads

    def router(self) -> APIRouter:
        router = APIRouter(tags=["systems"])
        view = [requires("viewer")]
        router.add_api_route("/v1/systems", self.list, responses=documented(422, 503), dependencies=view)
        router.add_api_route("/v1/systems/{system}", self.show, responses=documented(404, 503), dependencies=view)
        router.add_api_route(
            "/v1/systems/{system}",
            self.apply,
            methods=["PUT"],
            responses={201: {"model": AppliedSystem, "description": "declared"}, **documented(413, 422, 503)},
            openapi_extra={"requestBody": BODY},
        )
        return router

    async def list(
        self,
        after: Annotated[str, Query(max_length=63)] = "",
        limit: Annotated[int, Query(ge=1, le=PAGE_ITEMS_MAX)] = 100,
    ) -> SystemsPage:
        """Declared systems in order of name."""
        found = await self._reads.systems(after, limit)
        items = [SystemItem(**_fields(revision)) for revision in found]
        return SystemsPage(items=items, next=items[-1].system if len(items) == limit else None)

    async def show(self, system: str) -> SystemDetail:
        """One declared system with its revisions, oldest first."""
        revisions = await self._reads.revisions(system)
        if not revisions:
            raise ProblemError(
                404,
                f"no system {system!r} is declared",
                "declare it with `flyball apply -f system.yaml`, or see GET /v1/systems",
            )
        return SystemDetail(**_fields(revisions[-1]), revisions=list(revisions))

    async def apply(
        self, system: str, request: Request, response: Response, caller: Annotated[Caller, requires("admin")]
    ) -> AppliedSystem:
        """Declare or change a system. The same spec again changes nothing; else a revision is appended."""
        spec = self._spec(await body_of(request, SPEC_BYTES_MAX), system)
        async with self._database.transaction() as transaction:
            done = await self._console.apply(transaction, spec, caller.name, datetime.now(UTC))
        if done.changed and done.current.version == 1:
            response.status_code = 201
        return AppliedSystem(**_fields(done.current), changed=done.changed)

    def _spec(self, body: bytes, system: str) -> SystemSpec:
        try:
            # Readers ignore what they do not know; here a field that we do not know is a typing error.
            spec = SystemSpec.model_validate_json(body, extra="forbid")
        except ValidationError as error:
            errors = field_errors(error)
            detail = f"{errors[0]['field'] or 'body'}: {errors[0]['detail']}"
            raise ProblemError(422, "the system spec is not valid", detail, errors=errors) from error
        unknown = [{"field": ".".join(path), "detail": cause} for path, cause in unknown_expectations(spec.telemetry)]
        if unknown:
            detail = f"{unknown[0]['field']}: {unknown[0]['detail']}"
            raise ProblemError(422, "the system spec is not valid", detail, errors=unknown)
        for field, given, wanted in (("system", spec.system, system), ("tenant", spec.tenant, self._reads.tenant)):
            if given != wanted:
                raise ProblemError(
                    422,
                    "the system spec is not valid",
                    f"{field} is {given!r} in the spec, but the request is about {wanted!r}",
                    errors=[{"field": field, "detail": f"expected {wanted!r}"}],
                )
        return spec


def _fields(revision: SystemRevision) -> dict[str, object]:
    spec = revision.spec
    return {
        "tenant": spec.tenant,
        "system": spec.system,
        "version": revision.version,
        "effective_at": revision.effective_at,
        "author": revision.author,
        "spec": spec,
    }
