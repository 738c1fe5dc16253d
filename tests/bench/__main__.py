"""``python -m tests.bench``: measure, print and write to BENCHMARKS.md."""

import argparse
import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence

from tests.bench import decisions, drift, ingest, ledger, memory, otlp, pages, rollback, statistics
from tests.bench.report import circumstances, write

PARTS = ("ingest", "otlp", "ledger", "drift", "statistics", "decisions", "rollback", "memory", "pages")


def parser() -> argparse.ArgumentParser:
    options = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    options.add_argument("--parts", nargs="+", choices=PARTS, default=PARTS, help="what to measure (default: all)")
    options.add_argument("--events", type=int, default=200_000, help="events of an ingest run (default: 200,000)")
    options.add_argument("--summaries", type=int, default=6_000, help="summaries of a ledger run (default: 6,000)")
    options.add_argument("--history", type=int, default=1_000_000, help="entries of the long history")
    options.add_argument("--scale", type=float, default=0.1, help="share of the simulated runs and rows (default: 0.1)")
    options.add_argument("--repeats", type=int, default=3, help="runs of each measurement (default: 3)")
    options.add_argument("--print-only", action="store_true", help="leave BENCHMARKS.md as it is")
    return options


async def measured(part: str, options: argparse.Namespace) -> str:
    """The figures of one part as Markdown."""
    if part == "drift":
        return drift.measure(options.repeats)
    if part == "otlp":
        return otlp.measure(options.repeats)
    if part == "statistics":
        return statistics.measure(options.scale)
    return await MEASURES[part](options)


MEASURES: Mapping[str, Callable[[argparse.Namespace], Awaitable[str]]] = {
    "ingest": lambda options: ingest.measure(options.events, options.repeats),
    "ledger": lambda options: ledger.measure(options.summaries, options.history, options.repeats),
    "decisions": lambda options: decisions.measure(options.repeats),
    "rollback": lambda options: rollback.measure(options.repeats),
    "memory": lambda options: memory.measure(options.events),
    "pages": lambda options: pages.measure(options.repeats),
}
"""Parts on real servers."""


def main(arguments: Sequence[str] | None = None) -> None:
    options = parser().parse_args(arguments)
    for part in options.parts:
        before = circumstances()
        text = f"{before}\n\n{asyncio.run(measured(part, options))}"
        print(f"\n## {part}\n\n{text}\n", flush=True)
        if not options.print_only:
            write(part, text)


if __name__ == "__main__":
    main()
