"""Rejected records: what arrived, why it was not counted, and its one second chance."""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request
from pydantic import AwareDatetime, BaseModel, ValidationError

from console.adapters.reads import Reads, Wanted
from console.api.access import requires
from console.api.acts import Act, Reason
from console.api.bodies import body_of
from console.api.problems import ProblemError, documented, field_errors
from console.domain.excerpts import excerpt, shown
from console.domain.replays import ReplayError
from console.domain.roles import Caller
from console.replaying import Replayer
from flyball.schemas.rejected import Position
from flyball.schemas.topics import AGENT_EVENTS
from flyball.schemas.unreadable import Unreadable
from flyball.store.postgres import PostgresDatabase, PostgresTransaction

PAGE_ITEMS_MAX = 500
REPLAY_BYTES_MAX = 2 * AGENT_EVENTS.record_bytes_max
"""A text in a text: each quotation mark takes a backslash."""


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
    replayed_by: str | None = None
    replayed_at: datetime | None = None
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


class Replay(Act):
    """``event`` is the record as it should have been, in structured mode; without it it is replayed as it arrived."""

    reason: Reason
    event: str | None = None


class ReplayedItem(BaseModel):
    """``replayed`` is false where it was done before: then nothing was published, and this is who did it, and when."""

    id: UUID
    replayed: bool
    system: str
    source: str
    event_id: str
    changed: bool
    actor: str
    replayed_at: datetime


REPLAY_BODY = {"required": True, "content": {"application/json": {"schema": Replay.model_json_schema()}}}


def _wanted(
    *,
    system: Annotated[str | None, Query(max_length=63)] = None,
    reason: Annotated[str | None, Query(max_length=64)] = None,
    since: Annotated[AwareDatetime | None, Query()] = None,
    until: Annotated[AwareDatetime | None, Query()] = None,
    waiting: Annotated[bool, Query(description="only those that nobody has replayed")] = False,
) -> Wanted:
    return Wanted(system, reason, since, until, waiting)


class RejectedRoutes:
    def __init__(self, reads: Reads, replayer: Replayer[PostgresTransaction], database: PostgresDatabase) -> None:
        self._reads, self._replayer, self._database = reads, replayer, database

    def router(self) -> APIRouter:
        router = APIRouter(tags=["telemetry"])
        view = [requires("viewer")]
        router.add_api_route("/v1/rejected", self.list, responses=documented(422, 503), dependencies=view)
        router.add_api_route(
            "/v1/rejected/{identity}", self.show, responses=documented(404, 422, 503), dependencies=view
        )
        router.add_api_route(
            "/v1/rejected/{identity}/replay",
            self.replay,
            methods=["POST"],
            responses=documented(404, 409, 413, 422, 503),
            openapi_extra={"requestBody": REPLAY_BODY},
        )
        return router

    async def list(
        self,
        wanted: Annotated[Wanted, Depends(_wanted)],
        limit: Annotated[int, Query(ge=1, le=PAGE_ITEMS_MAX)] = 50,
        after: Annotated[int | None, Query(ge=0, lt=2**63)] = None,
    ) -> RejectedPage:
        """Newest first. The newest records of each system are kept."""
        rows = await self._reads.rejected(wanted, after, limit)
        items = [RejectedItem(**_common(row), **excerpt("body", row["head"], row["body_bytes"])) for row in rows]
        return RejectedPage(items=items, next=rows[-1]["number"] if len(rows) == limit else None)

    async def show(self, identity: UUID) -> RejectedWhole:
        """One record, whole."""
        row = await self._row(identity)
        pairs = zip(row["header_names"], row["header_values"], strict=True)
        headers = [Header(name=name, **shown("value", value)) for name, value in pairs]
        return RejectedWhole(**_common(row), **shown("body", row["body"]), **shown("key", row["key"]), headers=headers)

    async def replay(
        self, identity: UUID, request: Request, caller: Annotated[Caller, requires("reviewer")]
    ) -> ReplayedItem:
        """Publish the record again, mended or as it arrived, with the same source and id, once."""
        asked = _asked(await body_of(request, REPLAY_BYTES_MAX))
        row = await self._row(identity)
        mended = None if asked.event is None else asked.event.encode("utf-8", "replace")
        try:
            async with self._database.transaction() as transaction:
                done, now = await self._replayer.replay(
                    transaction, row, mended, caller.actor, asked.reason, datetime.now(UTC)
                )
        except Unreadable as error:
            raise ProblemError(
                422,
                f"it would be rejected again: {error.reason}",
                f"{error.field or 'the record'}: {error.detail}; mend it: flyball rejected repair {identity}",
                errors=[{"field": error.field or "", "detail": error.detail}],
            ) from error
        except ReplayError as error:
            raise ProblemError(409, "it would be another event", f"{error}. Leave {error.field} as it was.") from error
        return ReplayedItem(id=identity, replayed=now, **asdict(done))

    async def _row(self, identity: UUID) -> Mapping[str, Any]:
        row = await self._reads.rejected_one(identity)
        if row is None:
            raise ProblemError(404, f"no rejected record {identity}", "see GET /v1/rejected; the oldest are forgotten")
        return row


def _asked(body: bytes) -> Replay:
    try:
        return Replay.model_validate_json(body)
    except ValidationError as error:
        errors = field_errors(error)
        detail = f"{errors[0]['field'] or 'body'}: {errors[0]['detail']}"
        raise ProblemError(422, "the request is not valid", detail, errors=errors) from error


def _common(row: Mapping[str, Any]) -> dict[str, Any]:
    same = ("id", "system", "recorded_at", "reason", "field", "detail", "body_bytes", "replayed_at")
    position = Position(topic=row["topic"], partition=row["partition"], offset=row["offset"])
    return {"position": position, "replayed_by": row["actor"], **{name: row[name] for name in same}}
