"""Budgets as they change, by server-sent events, from the states that console follows on budget.states.v1."""

import asyncio
from collections.abc import AsyncIterator
from typing import Annotated, Any

from fastapi import APIRouter, Header, Query
from starlette.responses import StreamingResponse

from console.adapters.reads import Reads
from console.api.access import requires
from console.api.problems import busy, documented
from flyball.observe.health import Health
from flyball.store.errors import Transient

LOOK_SECONDS = 0.5
SILENCE_LOOKS_MAX = 30
"""After so many looks without a change a comment goes out, so that proxies do not close the stream."""


class LiveRoutes:
    """Each client looks at the table for itself, so any replica can serve it, and a slow one holds up nobody."""

    def __init__(self, reads: Reads, clients_max: int, health: Health) -> None:
        self._reads, self._health = reads, health
        self._slots = asyncio.Semaphore(clients_max)

    def router(self) -> APIRouter:
        router = APIRouter(tags=["budgets"])
        answer: dict[int | str, dict[str, Any]] = {
            200: {"content": {"text/event-stream": {}}, "description": "event `budgets`, data a BudgetStates"}
        }
        router.add_api_route(
            "/v1/budgets/live",
            self.live,
            response_class=StreamingResponse,
            responses={**answer, **documented(422, 503)},
            dependencies=[requires("viewer")],
        )
        return router

    async def live(
        self,
        system: Annotated[str | None, Query(max_length=63)] = None,
        after: Annotated[int, Query(ge=0, lt=2**63)] = 0,
        last_event_id: Annotated[int | None, Header(ge=0, lt=2**63)] = None,
    ) -> StreamingResponse:
        """First the newest states of each system, then each change. Resume with the header Last-Event-ID."""
        if self._slots.locked():
            raise busy("too many live views", "no more than FLYBALL_LIVE_CLIENTS_MAX are served; ask GET /v1/budgets")
        stream = self._changes(system, after if last_event_id is None else last_event_id)
        return StreamingResponse(stream, media_type="text/event-stream", headers={"Cache-Control": "no-store"})

    async def _changes(self, system: str | None, after: int) -> AsyncIterator[str]:
        async with self._slots:
            silent_looks = 0
            yield ": budgets as they change\n\n"
            while not self._health.stopping:
                try:
                    changes = await self._reads.budget_changes(system, after)
                except Transient:
                    # The client comes back with the last id it has, when Postgres is there again.
                    return
                for change, states in changes:
                    after = change
                    yield f"event: budgets\nid: {change}\ndata: {states}\n\n"
                silent_looks = 0 if changes else silent_looks + 1
                if silent_looks == SILENCE_LOOKS_MAX:
                    silent_looks = 0
                    yield ": nothing new\n\n"
                await asyncio.sleep(LOOK_SECONDS)
