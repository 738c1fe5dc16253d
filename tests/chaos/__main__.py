"""`python -m tests.chaos --seed 7`: kill everything at random and recount."""

import argparse
import asyncio
import sys
from collections.abc import Iterator

from flyball.stack import StackError
from tests.chaos import storm as counting
from tests.chaos.journal import Journal
from tests.chaos.loop import storm as loop


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m tests.chaos",
        description="Real Kafka, Postgres, Redis and replicas of the services under load, while services are"
        " killed and frozen and each server dies once. Ends with a table of what was expected and what was found;"
        " exit status 0 if every line is right.",
    )
    parser.add_argument(
        "part",
        nargs="?",
        choices=("counting", "loop"),
        default="counting",
        help="counting: events into budgets, as fast as they come (default); loop: all services, with actions,"
        " people and pages",
    )
    parser.add_argument("--seed", type=int, default=1, help="draws the load and the faults (default 1)")
    parser.add_argument("--events", type=int, help="events to publish (default 200000, in the loop 20000)")
    parser.add_argument("--kills", type=int, default=20, help="kill -9 of services (default 20)")
    parser.add_argument("--nodes", type=int, choices=(1, 3), default=3, help="Kafka brokers (default 3)")
    return parser.parse_args()


def main() -> int:
    arguments = _arguments()
    journal = Journal()
    failures: list[Exception] = []
    try:
        asyncio.run(_run(arguments, journal))
    except* (AssertionError, StackError) as group:
        failures = list(_leaves(group))
    sys.stdout.write(f"\n{journal.table()}\n\n" if journal.rows else "\n")
    for failure in failures:
        sys.stdout.write(f"FAILED with seed {arguments.seed}: {failure}\n")
    if failures:
        return 1
    if journal.wrong:
        sys.stdout.write(
            f"{len(journal.wrong)} of {len(journal.rows)} comparisons are WRONG with seed {arguments.seed}\n"
        )
        return 1
    sys.stdout.write(f"all {len(journal.rows)} comparisons are right with seed {arguments.seed}\n")
    return 0


async def _run(given: argparse.Namespace, journal: Journal) -> None:
    changes = {"kills": given.kills, "nodes": given.nodes} | ({"events": given.events} if given.events else {})
    if given.part == "loop":
        await loop.run(loop.LoopStorm(given.seed, **changes), journal)
    else:
        await counting.run(counting.Storm(given.seed, **changes), journal)


def _leaves(group: BaseExceptionGroup[Exception]) -> Iterator[Exception]:
    for failure in group.exceptions:
        if isinstance(failure, BaseExceptionGroup):
            yield from _leaves(failure)
        else:
            yield failure


if __name__ == "__main__":
    sys.exit(main())
