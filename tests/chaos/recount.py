"""The independent recount: what every total must be, from the specification and the published records alone."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from tests.chaos.events import Record
from tests.chaos.records import Content
from tests.chaos.systems import MILLION

LATE_AFTER_US = 300 * MILLION
BUCKET_SECONDS = 10

Bucket = tuple[str, str | None, str | None, int]
"""System, release, segment and start in seconds since 1970."""


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """Where the broker put a record, and when."""

    partition: int
    offset: int
    recorded_ms: int


@dataclass(slots=True)
class Totals:
    """Of one system. Late ones are among the counted."""

    published: int = 0
    counted: int = 0
    duplicates: int = 0
    rejected: int = 0
    late: int = 0


@dataclass(slots=True)
class Recount:
    """Everything that must be found."""

    totals: defaultdict[str, Totals] = field(default_factory=lambda: defaultdict(Totals))
    buckets: defaultdict[Bucket, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    counted: list[Content] = field(default_factory=list)
    late_either_way: int = 0
    """Events that are late or not depending on which copy came first: none if the load keeps its bounds."""


def recount(records: Iterable[Record], places: Mapping[int, Place]) -> Recount:
    """``places`` by the records' serials, as read from the topic."""
    found = Recount()
    copies: dict[tuple[str, str], list[Record]] = {}
    for record in records:
        found.totals[record.system].published += 1
        if record.content is None:
            _reject(found, record, places[record.serial])
        else:
            copies.setdefault((record.content.source, record.content.id), []).append(record)
    for same in copies.values():
        _count(found, same, places)
    return found


def _reject(found: Recount, record: Record, place: Place) -> None:
    found.totals[record.system].rejected += 1
    bucket = found.buckets[record.system, None, None, _bucket_start(place.recorded_ms // 1_000)]
    bucket[f"measurement.rejected.{record.reason}"] += 1


def _count(found: Recount, same: Sequence[Record], places: Mapping[int, Place]) -> None:
    """One of the copies counts, the others are duplicates."""
    content = same[0].content
    assert content is not None
    late = _late(content, [places[record.serial] for record in same])
    found.late_either_way += len(late) > 1
    totals = found.totals[content.system]
    totals.counted += 1
    totals.duplicates += len(same) - 1
    totals.late += max(late)
    found.counted.append(content)
    start = _bucket_start(int(content.time.timestamp()))
    bucket = found.buckets[content.system, content.data["release"], _segment(content), start]
    bucket.update({"measurement.counted": 1, "measurement.late": int(max(late)), **_statistics(content)})
    if len(same) > 1:
        found.buckets[content.system, None, None, start]["measurement.duplicates"] += len(same) - 1


def _late(content: Content, places: Iterable[Place]) -> set[bool]:
    """Per partition the earliest copy is seen first; which partition is read first nobody knows."""
    first: dict[int, Place] = {}
    for place in sorted(places):
        first.setdefault(place.partition, place)
    event_us = _microseconds(content.time)
    return {place.recorded_ms * 1_000 - event_us > LATE_AFTER_US for place in first.values()}


def _statistics(content: Content) -> dict[str, int]:
    """The integers that one event adds to its bucket, by their path in the summary; no zeros."""
    found = {name: value for name, value in _ADDS[content.kind](content.data).items() if value}
    return {name: int(value) for name, value in found.items()}


def _interaction(data: Mapping[str, Any]) -> dict[str, int]:
    failed = {f"interactions.errors.{data['outcome']}": 1} if data["outcome"] != "ok" else {}
    confidence, cost = data.get("confidence"), data.get("cost_micro_usd")
    priced = {"interactions.unpriced": 1}
    if cost is not None:
        priced = {
            "interactions.cost_micro_usd.count": 1,
            "interactions.cost_micro_usd.total": cost,
            f"interactions.cost_micro_usd_by_model.{data['provider']}/{data['model']}": cost,
        }
    return {
        **_sampled(data),
        "interactions.count": 1,
        "interactions.escalated": data["escalated"],
        "interactions.autonomous": data.get("autonomous", False),
        "interactions.latency_us.count": 1,
        "interactions.latency_us.total": latency_us(data),
        **_measured("interactions.input_tokens", data.get("input_tokens")),
        **_measured("interactions.output_tokens", data.get("output_tokens")),
        **_measured("interactions.confidence_ppm", None if confidence is None else round(confidence * MILLION)),
        **priced,
        **failed,
    }


def _sampled(data: Mapping[str, Any]) -> dict[str, int]:
    ppm = round(data.get("sampling_rate", 1.0) * MILLION)
    path = f"interactions.sampled.{ppm}"
    sums = {"count": 1, "failed": data["outcome"] != "ok", "escalated": data["escalated"]}
    return {f"{path}.{name}": number for name, number in sums.items()} if ppm < MILLION else {}


def _evaluation(data: Mapping[str, Any]) -> dict[str, int]:
    parts = (data["metric"], data["evaluator"], data["evaluator_version"], round(data["sampling_rate"] * MILLION))
    path = "evaluations." + "|".join(map(str, parts))
    score = data.get("score")
    return {
        "joins.evaluations_received": 1,
        f"{path}.count": 1,
        f"{path}.passed": data.get("passed") is True,
        f"{path}.failed": data.get("passed") is False,
        **_measured(f"{path}.score_ppm", None if score is None else round(score * MILLION)),
    }


def _guardrail(data: Mapping[str, Any]) -> dict[str, int]:
    known = {True: "malicious", False: "benign", None: "unknown"}[data["malicious"]]
    return {f"guardrails.{data['rule']}|{data['kind']}.{known}_{'blocked' if data['blocked'] else 'passed'}": 1}


def _prediction(data: Mapping[str, Any]) -> dict[str, int]:
    score = data.get("score")
    return {
        "predictions.count": 1,
        f"predictions.classes.{data['predicted_class']}": 1,
        **_measured("predictions.score_ppm", None if score is None else round(score * MILLION)),
        **_features(data["features"]),
    }


def _features(values: Mapping[str, float | str | None]) -> dict[str, int]:
    """Before any reference: the rows, and each value that is there."""
    there = {name: value for name, value in values.items() if value is not None}
    kinds = {name: "texts" if isinstance(value, str) else "numbers" for name, value in there.items()}
    counts = {f"features.0.values.{name}.{kinds[name]}.{value}": 1 for name, value in there.items()}
    return {"features.0.rows": 1, **counts}


def _release(data: Mapping[str, Any]) -> dict[str, int]:
    del data
    return {"releases_deployed": 1}


_ADDS = {
    "interaction.completed": _interaction,
    "evaluation.recorded": _evaluation,
    "guardrail.checked": _guardrail,
    "prediction.made": _prediction,
    "release.deployed": _release,
}


def _measured(path: str, value: int | None) -> dict[str, int]:
    return {} if value is None else {f"{path}.count": 1, f"{path}.total": value}


def latency_us(data: Mapping[str, Any]) -> int:
    """Whole microseconds."""
    return round(data["latency_ms"] * 1_000)


def _segment(content: Content) -> str | None:
    labels = content.data.get("segment", {})
    return ",".join(f"{name}={labels[name]}" for name in sorted(labels)) or None


def _bucket_start(seconds: int) -> int:
    return seconds // BUCKET_SECONDS * BUCKET_SECONDS


def _microseconds(moment: datetime) -> int:
    since = moment - datetime(1970, 1, 1, tzinfo=UTC)
    return (since.days * 86_400 + since.seconds) * MILLION + since.microseconds
