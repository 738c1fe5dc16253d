"""Everything that can be measured, and about how long it takes. Each part runs in a process of its own."""

import asyncio
import ctypes
import signal
import sys
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from tests.bench import (
    costs,
    decisions,
    drift,
    growth,
    ids,
    ingest,
    joins,
    ledger,
    memory,
    otlp,
    otlp_ingest,
    pages,
    rollback,
    statistics,
)
from tests.bench.sizes import Sizes

PART_SECONDS_MAX = 1_800
PR_SET_PDEATHSIG = 1


@dataclass(frozen=True, slots=True)
class Part:
    measure: Callable[[Sizes], str | Awaitable[str]]
    """The figures as Markdown."""
    minutes: float
    """With the default sizes, on two cores that do nothing else."""


PARTS: Mapping[str, Part] = {
    "ingest": Part(lambda sizes: ingest.measure(sizes.events, sizes.repeats), 4),
    "growth": Part(lambda sizes: growth.measure(sizes.events, sizes.spans // 2, sizes.few), 4),
    "costs": Part(lambda sizes: costs.measure(sizes.events // 2, sizes.few), 2),
    "ids": Part(lambda sizes: ids.measure(sizes.ids), 0.6),
    "joins": Part(lambda sizes: joins.measure(sizes.pairs), 1),
    "otlp": Part(lambda sizes: otlp.measure(sizes.repeats), 0.4),
    "otlp-ingest": Part(lambda sizes: otlp_ingest.measure(sizes.spans, sizes.few), 1.5),
    "ledger": Part(lambda sizes: ledger.measure(sizes.summaries, sizes.history, sizes.repeats), 2.2),
    "drift": Part(lambda sizes: drift.measure(sizes.repeats), 0.4),
    "statistics": Part(lambda sizes: statistics.measure(sizes.scale), 1.2),
    "decisions": Part(lambda sizes: decisions.measure(sizes.repeats), 1.3),
    "rollback": Part(lambda sizes: rollback.measure(sizes.few), 4),
    "memory": Part(lambda sizes: memory.measure(sizes.events), 1.3),
    "pages": Part(lambda sizes: pages.measure(sizes.repeats), 1),
}


def end_with_parent() -> None:
    """Have the kernel see to it: a part whose bench was killed would measure on, with all its servers."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


def measured(name: str, sizes: Sizes) -> str:
    """The figures of one part. TimeoutError where it takes half an hour."""
    found = PARTS[name].measure(sizes)
    return found if isinstance(found, str) else asyncio.run(_in_time(found))


async def _in_time(found: Awaitable[str]) -> str:
    async with asyncio.timeout(PART_SECONDS_MAX):
        return await found
