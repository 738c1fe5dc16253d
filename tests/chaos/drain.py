"""Waits until every record has had its effect, and says what is stuck when that takes too long."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field

import asyncpg

from tests.chaos import books
from tests.chaos.broker import EVENTS, SUMMARIES, end_offsets
from tests.chaos.journal import Journal

POLL_SECONDS = 1.0
Stage = tuple[str, str]
"""A service's schema and a topic that it reads."""
INGEST: Stage = ("telemetry_ingest", EVENTS)
LEDGER: Stage = ("budget_ledger", SUMMARIES)
SPINE = (INGEST, LEDGER)


@dataclass(slots=True)
class Backlog:
    """What waits, by name; and how far each service has come."""

    waiting: dict[str, int] = field(default_factory=dict)
    progress: dict[str, int] = field(default_factory=dict)

    @property
    def empty(self) -> bool:
        return not any(self.waiting.values())

    def has_work(self, schema: str) -> bool:
        return any(count for name, count in self.waiting.items() if name.endswith(f" for {schema}"))

    def __str__(self) -> str:
        return ", ".join(f"{count} {name}" for name, count in self.waiting.items() if count) or "nothing waits"


async def backlog(bootstrap: str, dsn: str, stages: tuple[Stage, ...] = SPINE) -> Backlog | None:
    """None while broker or Postgres cannot tell."""
    found = Backlog()
    try:
        # In the order of the flow: what one stage has finished, the next one must have or get.
        for schema, topic in stages:
            ends = await end_offsets(bootstrap, topic)
            if ends is None:
                return None
            done = await books.positions(dsn, schema, topic)
            found.waiting[f"records of {topic} for {schema}"] = _behind(ends, done)
            found.progress[schema] = found.progress.get(schema, 0) + sum(done.values())
            found.waiting[f"rows in the outbox of {schema}"] = await books.waiting(dsn, schema)
    except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError):
        return None
    return found


def _behind(ends: Mapping[int, int], done: Mapping[int, int]) -> int:
    return sum(max(0, end - done.get(partition, 0)) for partition, end in ends.items())


@dataclass(slots=True)
class Watch:
    """Follows the backlog all the time and remembers how long each service stood still with work before it."""

    journal: Journal
    bootstrap: str
    dsn: str
    longest_stall_seconds: dict[str, float] = field(default_factory=dict)
    newest: Backlog | None = None
    _moved_at: dict[str, float] = field(default_factory=dict)
    _before: Backlog | None = None

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            self.newest = await backlog(self.bootstrap, self.dsn)
            if self.newest is not None:
                self._note(self.newest)
            await asyncio.sleep(POLL_SECONDS)

    def _note(self, now: Backlog) -> None:
        """A service stands still from the last sign of progress to the next one, if it had work in between."""
        seconds = self.journal.seconds
        for schema, progress in now.progress.items():
            had_work = self._before is not None and self._before.has_work(schema)
            if had_work:
                stalled = seconds - self._moved_at[schema]
                self.longest_stall_seconds[schema] = max(stalled, self.longest_stall_seconds.get(schema, 0.0))
            if not had_work or self._before is None or progress != self._before.progress[schema]:
                self._moved_at[schema] = seconds
        self._before = now


async def drained(
    bootstrap: str,
    dsn: str,
    journal: Journal,
    seconds_max: float = 180.0,
    stages: tuple[Stage, ...] = SPINE,
) -> None:
    """Return when nothing waits any more. AssertionError, naming what is stuck, at the deadline."""
    deadline = journal.seconds + seconds_max
    said_at = journal.seconds
    while True:
        found = await backlog(bootstrap, dsn, stages)
        if found is not None and found.empty:
            return
        state = "broker or Postgres cannot tell" if found is None else str(found)
        assert journal.seconds < deadline, f"not drained after {seconds_max:.0f} s: {state}"
        if journal.seconds - said_at > 5:
            journal.say(f"draining: {state}")
            said_at = journal.seconds
        await asyncio.sleep(POLL_SECONDS / 2)
