"""`python -m tests.chaos --seed 7`: kill everything at random and recount."""

import argparse
import asyncio
import sys
from collections.abc import Iterator

from flyball.stack import StackError
from tests.chaos.journal import Journal
from tests.chaos.storm import Storm, run


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m tests.chaos",
        description="Real Kafka, Postgres, Redis and two replicas of each service under load, while services are"
        " killed and frozen and each server dies once. Ends with a table of what was expected and what was found;"
        " exit status 0 if every line is right.",
    )
    parser.add_argument("--seed", type=int, default=1, help="draws the load and the faults (default 1)")
    parser.add_argument("--events", type=int, default=200_000, help="events to publish (default 200000)")
    parser.add_argument("--kills", type=int, default=20, help="kill -9 of services (default 20)")
    parser.add_argument("--nodes", type=int, choices=(1, 3), default=3, help="Kafka brokers (default 3)")
    return parser.parse_args()


def main() -> int:
    arguments = _arguments()
    journal = Journal()
    storm = Storm(arguments.seed, arguments.events, arguments.kills, arguments.nodes)
    failures: list[Exception] = []
    try:
        asyncio.run(run(storm, journal))
    except* (AssertionError, StackError) as group:
        failures = list(_leaves(group))
    sys.stdout.write(f"\n{journal.table()}\n\n" if journal.rows else "\n")
    for failure in failures:
        sys.stdout.write(f"FAILED with seed {storm.seed}: {failure}\n")
    if failures:
        return 1
    if journal.wrong:
        sys.stdout.write(f"{len(journal.wrong)} of {len(journal.rows)} comparisons are WRONG with seed {storm.seed}\n")
        return 1
    sys.stdout.write(f"all {len(journal.rows)} comparisons are right with seed {storm.seed}\n")
    return 0


def _leaves(group: BaseExceptionGroup[Exception]) -> Iterator[Exception]:
    for failure in group.exceptions:
        if isinstance(failure, BaseExceptionGroup):
            yield from _leaves(failure)
        else:
            yield failure


if __name__ == "__main__":
    sys.exit(main())
