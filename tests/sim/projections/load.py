"""What other services tell console: golden examples, copied for a few systems, and specs that people apply."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from random import Random
from typing import Any
from uuid import UUID

from flyball.bus.messages import fact
from flyball.schemas.examples import EXAMPLE_DIRECTORY
from flyball.schemas.registry import Owners, SystemSpec
from flyball.schemas.topics import (
    AUTONOMY_LEVELS,
    BUDGET_STATES,
    DRIFT_REFERENCES,
    DRIFT_REPORTS,
    INCIDENTS,
    REVIEWS,
    ROLLOUTS,
    TELEMETRY_REJECTED,
    Topic,
)
from flyball.sim.world import EPOCH
from flyball.store.ports import Outgoing

ROOT = Path(__file__).parents[3]
SYSTEMS = ("claims", "fraud", "support")
FEATURES = ("amount", "country")
REJECTED, STATES, REPORTS, REFERENCES = 6, 14, 10, 5
"""Of each system."""
CHANGES, HEARTBEATS = 2, 4
NEWS = {REVIEWS: "approved", ROLLOUTS: "rolled_back_for_errors", INCIDENTS: "acknowledged"}
"""Topics of which console keeps nothing, and an example of each."""


def told(random: Random) -> dict[str, list[Outgoing]]:
    """What each service publishes, in its order; systems take turns."""
    return {
        "telemetry-ingest": _in_turns(random, _rejected),
        "budget-ledger": _in_turns(random, _states),
        "drift-detector": _in_turns(random, _drift),
        "autonomy-controller": _in_turns(random, _levels),
        "notifier": _in_turns(random, _news),
    }


def specs(random: Random, author: str) -> list[SystemSpec]:
    """What one person applies: some specs twice, and systems that others apply to as well."""
    owners = Owners(operations=f"{author}@example.com")
    made = [SystemSpec(system=random.choice(SYSTEMS), owners=owners, window_days=days) for days in (7, 14, 30)]
    return [made[0], *made]


def _in_turns(random: Random, of_system: Any) -> list[Outgoing]:
    """One sequence out of one for each system, each of which keeps its order."""
    sequences = [list(of_system(random, system)) for system in SYSTEMS]
    mixed: list[Outgoing] = []
    while left := [sequence for sequence in sequences if sequence]:
        mixed.append(random.choice(left).pop(0))
    return mixed


def _rejected(random: Random, system: str) -> Iterator[Outgoing]:
    for number in range(REJECTED):
        yield _fact(random, TELEMETRY_REJECTED, "invalid_field", system, number, detail=f"mistake {number}")


def _states(random: Random, system: str) -> Iterator[Outgoing]:
    for number in range(STATES):
        yield _fact(random, BUDGET_STATES, "one_system", system, number, cause=f"{number}")


def _drift(random: Random, system: str) -> Iterator[Outgoing]:
    """Versions of one system lie in several partitions, and reports in one."""
    versions = iter(range(1, REFERENCES + 1))
    for number in range(REPORTS):
        if number % 2 == 0:
            version = next(versions)
            key = f"default/{system}/{version}".encode()
            yield _fact(random, DRIFT_REFERENCES, "from_a_file", system, number, key=key, version=version)
        feature = random.choice(FEATURES)
        yield _fact(random, DRIFT_REPORTS, "category_recovered", system, number, feature=feature, reason=f"{number}")


def _levels(random: Random, system: str) -> Iterator[Outgoing]:
    for number in range(CHANGES):
        yield _fact(random, AUTONOMY_LEVELS, "demoted", system, number, reason=f"change {number}")
    for number in range(HEARTBEATS):
        yield _fact(random, AUTONOMY_LEVELS, "heartbeat", system, number, at=_at(number))


def _news(random: Random, system: str) -> Iterator[Outgoing]:
    for number in range(CHANGES):
        for topic, name in NEWS.items():
            yield _fact(random, topic, name, system, number, changed_at=_at(number))


@cache
def _example(topic: Topic, name: str) -> Any:
    return topic.adapter.validate_json((ROOT / EXAMPLE_DIRECTORY / topic.name / f"{name}.json").read_bytes())


def _fact(
    random: Random, topic: Topic, name: str, system: str, number: int, *, key: bytes | None = None, **fields: Any
) -> Outgoing:
    example = _example(topic, name)
    about = {"tenant": "default", "system": system} if "system" in type(example).model_fields else {}
    event = example.model_copy(update={**about, **fields})
    identity = UUID(int=random.getrandbits(128))
    return fact(topic, event, source="other", identity=identity, system=system, time=_at(number), key=key)


def _at(number: int) -> datetime:
    return EPOCH + timedelta(seconds=number)
