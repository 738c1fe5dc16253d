"""What must have come out, from the records on the log and the specification alone."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from flyball.bus.records import Record
from flyball.schemas.registry import ACCURACY, AVAILABILITY, PERFORMANCE, SAFETY, SystemSpec
from flyball.sim.world import EPOCH
from tests.sim.events import MOVING, SERIAL, SPECS, SYSTEMS, Event

MILLION = 1_000_000
DIMENSIONS = (ACCURACY, AVAILABILITY, PERFORMANCE, SAFETY)


@dataclass(frozen=True, slots=True)
class Totals:
    published: int
    counted: int
    duplicates: int
    rejected: int


@dataclass(slots=True)
class Points:
    """Points of one budget by account."""

    granted: int = 0
    burned: int = 0
    expired: int = 0

    def accounts(self) -> dict[str, int]:
        return {
            "source": -self.granted,
            "available": self.granted - self.burned - self.expired,
            "burned": self.burned,
            "expired": self.expired,
        }


def contents(log: Iterable[Record], made: Mapping[bytes, Event | str]) -> list[Event | str]:
    """What stands on the log, record by record; an agent may have published one twice without knowing."""
    return [made[dict(record.headers)[SERIAL]] for record in log]


def totals(published: Iterable[Event | str]) -> dict[str, Totals]:
    """Published = counted + duplicates + rejected, by system."""
    rejected: Counter[str] = Counter()
    sightings: Counter[tuple[str, str]] = Counter()
    for content in published:
        if isinstance(content, Event):
            sightings[content.system, content.id] += 1
        else:
            rejected[content] += 1
    found = {}
    for system in SYSTEMS:
        times = [count for (owner, _), count in sightings.items() if owner == system]
        if times or rejected[system]:
            found[system] = Totals(sum(times) + rejected[system], len(times), sum(times) - len(times), rejected[system])
    return found


def points(published: Iterable[Event | str]) -> dict[tuple[str, str], Points]:
    """Every account of every budget, by system and dimension, whatever the order in which events came.

    Not of the system whose spec changes: there it matters when a summary was recorded. The replay judges that one.
    """
    events = [event for event in published if isinstance(event, Event) and event.system != MOVING.system]
    once = {(event.system, event.id): event for event in events}
    specs = {spec.system: spec for spec in SPECS}
    found: dict[tuple[str, str], Points] = {}
    minutes: defaultdict[tuple[str, datetime], list[bool]] = defaultdict(list)
    for event in once.values():
        spec = specs.get(event.system) or SystemSpec(system=event.system)
        if event.kind in _SCORES:
            for dimension in DIMENSIONS:
                found.setdefault((event.system, dimension), Points())
            _score(found, event, spec, *_SCORES[event.kind](event.data, spec))
        if event.kind == "interaction.completed":
            minutes[event.system, event.time.replace(second=0)].append(event.data["outcome"] == "ok")
    for (system, minute), outcomes in minutes.items():
        _score_minute(found[system, AVAILABILITY], minute, outcomes, specs.get(system) or SystemSpec(system=system))
    return found


Place = tuple[str, str, str, int]
"""System, release, segment and start of a bucket."""


def judged(published: Iterable[Event | str]) -> Counter[tuple[Any, ...]]:
    """What judgements found out, in the bucket of what they judged, whichever of the two came first."""
    once = {(event.system, event.id): event for event in published if isinstance(event, Event)}
    by_kind: defaultdict[str, list[Event]] = defaultdict(list)
    for event in once.values():
        by_kind[event.kind].append(event)
    found: Counter[tuple[Any, ...]] = Counter()
    predictions = {(event.system, event.data["prediction_id"]): event for event in by_kind["prediction.made"]}
    true = set()
    for event in by_kind["outcome.observed"]:
        key = event.system, event.data["prediction_id"]
        if made := predictions.get(key):
            found[*_place(made), "joined"] += 1
            found[*_place(made), event.data["true_class"], made.data["predicted_class"]] += key not in true
            true.add(key)
    interactions = {(event.system, event.data["interaction_id"]): event for event in by_kind["interaction.completed"]}
    for event in by_kind["evaluation.recorded"]:
        if made := interactions.get((event.system, event.data["interaction_id"])):
            found[*_place(made), "joined"] += 1
            if made.data["confidence"] is not None:
                found[*_place(made), event.data["metric"], event.data["passed"]] += 1
    return +found


def _place(event: Event) -> Place:
    segment = ",".join(f"{name}={value}" for name, value in event.data.get("segment", {}).items())
    start = int(event.time.timestamp())
    return event.system, event.data["release"], segment, start - start % 10


Scored = tuple[str, bool | None, int, int, int]
"""Dimension, good or not or not scored, target, weight, sampling."""


def _score(
    found: Mapping[tuple[str, str], Points],
    event: Event,
    spec: SystemSpec,
    dimension: str,
    good: bool | None,
    target_ppm: int,
    weight_milli: int,
    sampling_ppm: int,
) -> None:
    if good is None:
        return
    budget = found[event.system, dimension]
    grant = (MILLION - target_ppm) * MILLION // sampling_ppm
    budget.granted += grant
    if _gone(event.time, spec):
        budget.expired += grant
    elif not good:
        budget.burned += weight_milli * 1_000 * MILLION // sampling_ppm


def _score_minute(budget: Points, minute: datetime, outcomes: list[bool], spec: SystemSpec) -> None:
    asked = spec.targets.availability
    budget.granted = (MILLION - asked.target_ppm) * spec.window_days * 86_400
    down = outcomes.count(True) * MILLION < asked.minute_target_ppm * len(outcomes)
    if down and not _gone(minute, spec):
        budget.burned += 60 * asked.weight_milli * 1_000


def _gone(time: datetime, spec: SystemSpec) -> bool:
    """Whether its hour had left the window before anything arrived. The load has nothing between."""
    return time.replace(minute=0, second=0) + timedelta(hours=1) <= EPOCH - timedelta(days=spec.window_days)


def _interaction(data: Mapping[str, Any], spec: SystemSpec) -> Scored:
    asked = spec.targets.performance
    return PERFORMANCE, data["latency_ms"] < asked.latency_max_ms, asked.target_ppm, asked.weight_milli, MILLION


def _evaluation(data: Mapping[str, Any], spec: SystemSpec) -> Scored:
    asked = spec.targets.accuracy
    good = data["passed"] if data["metric"] == asked.metric else None
    return ACCURACY, good, asked.target_ppm, asked.weight_milli, round(data["sampling_rate"] * MILLION)


def _guardrail(data: Mapping[str, Any], spec: SystemSpec) -> Scored:
    asked = spec.targets.safety
    return SAFETY, data["blocked"] if data["malicious"] else None, asked.target_ppm, asked.weight_milli, MILLION


_SCORES = {"interaction.completed": _interaction, "evaluation.recorded": _evaluation, "guardrail.checked": _guardrail}
