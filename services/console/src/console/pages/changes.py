"""One stream for each open page: which of the parts it watches have changed, and nothing else."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Annotated

from fastapi import APIRouter, Header, Query
from starlette.responses import StreamingResponse

from console.adapters.changes import ChangesReads
from console.api.problems import busy
from console.pages.access import Visitor, signed_in
from flyball.observe.health import Health
from flyball.store.errors import Transient

FRAGMENTS = frozenset({"systems", "budgets", "levels", "reviews", "rollouts", "incidents", "drift"})
LOOK_SECONDS = 1.0
LOOKS_MAX = 600
"""Then the stream ends and the browser comes again, which looks anew who is signed in."""
SILENCE_LOOKS_MAX = 15
Viewer = Annotated[Visitor, signed_in("viewer")]


@dataclass(slots=True)
class ChangesRoute:
    """Bounded: who comes when all places are taken is told so, and the page works without."""

    reads: ChangesReads
    clients_max: int
    health: Health
    _slots: asyncio.Semaphore = field(init=False)

    def __post_init__(self) -> None:
        self._slots = asyncio.Semaphore(self.clients_max)

    def router(self) -> APIRouter:
        router = APIRouter(include_in_schema=False)
        router.add_api_route("/changes", self.changes, methods=["GET"], response_class=StreamingResponse)
        return router

    async def changes(
        self,
        _visitor: Viewer,
        watch: Annotated[str, Query(max_length=256)],
        last_event_id: Annotated[str | None, Header(max_length=64)] = None,
    ) -> StreamingResponse:
        """Events named ``changed`` whose data are names of parts. Who comes back hears at once that there was news."""
        if self._slots.locked():
            raise busy("Too many open pages", "This one does not refresh by itself for now; reload it.")
        watched = FRAGMENTS & set(watch.split(","))
        stream = self._stream(watched, missed=last_event_id is not None)
        return StreamingResponse(stream, media_type="text/event-stream")

    async def _stream(self, watched: frozenset[str], *, missed: bool) -> AsyncIterator[str]:
        async with self._slots:
            known: Mapping[str, int] | None = None
            silent = 0
            yield "retry: 3000\n\n"
            for _ in range(LOOKS_MAX):
                if self.health.stopping:
                    return
                try:
                    counts = await self.reads.counts(watched)
                except Transient:
                    return
                news = _news(known, counts, watched, missed=missed)
                known, missed = counts, False
                silent = 0 if news else silent + 1
                if news:
                    yield f"event: changed\nid: {sum(counts.values())}\ndata: {' '.join(news)}\n\n"
                elif silent % SILENCE_LOOKS_MAX == 0:
                    yield ": nothing new\n\n"
                await asyncio.sleep(LOOK_SECONDS)


def _news(
    known: Mapping[str, int] | None, counts: Mapping[str, int], watched: frozenset[str], *, missed: bool
) -> list[str]:
    if known is None:
        return sorted(watched) if missed else []
    return sorted(name for name, count in counts.items() if count != known.get(name))
