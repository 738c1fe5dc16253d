"""Rejected records: what arrived, and why it was not counted."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import BaseModel

from console.adapters.reads import Reads
from console.api.access import requires
from console.api.problems import ProblemError, documented
from console.domain.excerpts import excerpt, shown
from flyball.schemas.rejected import Position

PAGE_ITEMS_MAX = 500


class Header(BaseModel):
    name: str
    value_text: str | None = None
    value_base64: str | None = None


class RejectedItem(BaseModel):
    """A rejected record with the first 2,000 characters of its body, as text where it is UTF-8, else as base64."""

    id: UUID
    system: str
    recorded_at: datetime
    reason: str
    field: str | None
    detail: str
    position: Position
    body_bytes: int
    body_text: str | None = None
    body_base64: str | None = None


class RejectedWhole(RejectedItem):
    """A rejected record as it arrived."""

    key_text: str | None = None
    key_base64: str | None = None
    headers: list[Header]


class RejectedPage(BaseModel):
    items: list[RejectedItem]
    next: int | None


class RejectedRoutes:
    def __init__(self, reads: Reads) -> None:
        self._reads = reads

    def router(self) -> APIRouter:
        router = APIRouter(tags=["telemetry"])
        view = [requires("viewer")]
        router.add_api_route("/v1/rejected", self.list, responses=documented(422, 503), dependencies=view)
        router.add_api_route(
            "/v1/rejected/{identity}", self.show, responses=documented(404, 422, 503), dependencies=view
        )
        return router

    async def list(
        self,
        system: Annotated[str | None, Query(max_length=63)] = None,
        limit: Annotated[int, Query(ge=1, le=PAGE_ITEMS_MAX)] = 50,
        after: Annotated[int | None, Query(ge=0, lt=2**63)] = None,
    ) -> RejectedPage:
        """Newest first. The newest records of each system are kept."""
        rows = await self._reads.rejected(system, after, limit)
        items = [RejectedItem(**_common(row), **excerpt("body", row["head"], row["body_bytes"])) for row in rows]
        return RejectedPage(items=items, next=rows[-1]["number"] if len(rows) == limit else None)

    async def show(self, identity: UUID) -> RejectedWhole:
        """One record, whole."""
        row = await self._reads.rejected_one(identity)
        if row is None:
            raise ProblemError(404, f"no rejected record {identity}", "see GET /v1/rejected; the oldest are forgotten")
        pairs = zip(row["header_names"], row["header_values"], strict=True)
        headers = [Header(name=name, **shown("value", value)) for name, value in pairs]
        return RejectedWhole(**_common(row), **shown("body", row["body"]), **shown("key", row["key"]), headers=headers)


def _common(row: Mapping[str, Any]) -> dict[str, Any]:
    same = ("id", "system", "recorded_at", "reason", "field", "detail", "body_bytes")
    position = Position(topic=row["topic"], partition=row["partition"], offset=row["offset"])
    return {"position": position, **{name: row[name] for name in same}}
