"""The audit log: look through it, check it, and decide one of its decisions again."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, Field
from starlette.responses import Response

from console.adapters.services import OtherService, UnreachableError
from console.api.acts import Identity, segment
from console.api.audit import AuditRoutes
from console.api.problems import ProblemError
from console.pages.access import People, Visitor, signed_in
from console.pages.audit_view import Wanted, choices
from console.pages.knowledge import PAGES_MAX, Known, Panel, Unknown, one
from console.pages.templating import Templates

RECORDS_MAX = 100
"""On one page; at most ``PAGES_MAX`` pages of the log are looked through for them."""
Viewer = Annotated[Visitor, signed_in("viewer")]
Text = Annotated[str, Field(max_length=256)]


class AuditQuery(BaseModel):
    """What the address of the page says."""

    system: Text = ""
    service: Text = ""
    kind: Text = ""
    actor: Text = ""
    text: Text = ""
    before: Annotated[int | None, Field(ge=1)] = None
    check: bool = False

    @property
    def wanted(self) -> Wanted:
        return Wanted(*(getattr(self, name).strip() for name in ("system", "service", "kind", "actor", "text")))


@dataclass(frozen=True, slots=True)
class Found:
    """Records that fit, of ``looked_at``; ``before`` is where to go on, None at the end of the log."""

    records: list[dict[str, Any]]
    seen: list[dict[str, Any]]
    before: int | None


@dataclass(frozen=True, slots=True)
class AuditPages:
    templates: Templates
    people: People
    audit: OtherService
    api: AuditRoutes

    def router(self) -> APIRouter:
        router = APIRouter(include_in_schema=False)
        router.add_api_route("/audit", self.list, methods=["GET"])
        router.add_api_route("/audit/{record_id}", self.show, methods=["GET"])
        return router

    async def list(self, request: Request, visitor: Viewer, query: Annotated[AuditQuery, Query()]) -> Response:
        """Newest first. ``check`` also verifies the chain and its checkpoints."""
        wanted = query.wanted
        found = await self._found(wanted, query.before)
        values = {
            "wanted": wanted,
            "found": found,
            "choices": choices(found.value.seen) if isinstance(found, Known) else choices([]),
            "before": query.before,
            "verdict": await one(self.audit, "/v1/audit/verification") if query.check else None,
            "now": self.people.now(),
        }
        return self.templates.page(request, "audit.html", visitor, values)

    async def show(self, request: Request, visitor: Viewer, record_id: Identity) -> Response:
        """One decision with its inputs, and what they lead to today."""
        record = await one(self.audit, f"/v1/audit/records/{segment(record_id)}")
        if isinstance(record, Unknown) and record.cause.endswith(("404", "400")):
            raise ProblemError(404, "There is no such record", "Look for it in the audit log.")
        values = {"record": record, "again": await self._again(record_id), "record_id": record_id}
        return self.templates.page(request, "audit_record.html", visitor, values)

    async def _found(self, wanted: Wanted, before: int | None) -> Panel[Found]:
        fitting: list[dict[str, Any]] = []
        seen: list[dict[str, Any]] = []
        following = before
        for _ in range(PAGES_MAX):
            page = await one(self.audit, "/v1/audit/records", before=None if following is None else str(following))
            if isinstance(page, Unknown):
                return page
            for record in page.value["items"]:
                seen.append(record)
                if wanted.fits(record):
                    fitting.append(record)
                if len(fitting) == RECORDS_MAX:
                    return Known(Found(fitting, seen, record["sequence"]))
            following = page.value["next"]
            if following is None:
                break
        return Known(Found(fitting, seen, following))

    async def _again(self, record_id: str) -> Mapping[str, Any] | Unknown:
        try:
            answer = await self.api.explain(segment(record_id))
        except UnreachableError as error:
            return Unknown(error.service, error.since, error.cause)
        except ProblemError as error:
            return Unknown("its service", self.people.now(), f"{error.title}: {error.detail}")
        if answer.status_code != HTTPStatus.OK:
            return Unknown("audit-log", self.people.now(), f"it answered {answer.status_code}")
        told: Mapping[str, Any] = json.loads(bytes(answer.body))
        return told
