"""What a batch asks of the memory of joins, and what the answers add up to.

A pair is found by whichever of the two comes second, and counts in the bucket of what was judged, which is the same
whichever that was. So order, batching and redelivery change nothing in the sums.
"""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from flyball.schemas.native import (
    MILLION,
    EvaluationRecorded,
    FeedbackGiven,
    InteractionCompleted,
    OutcomeObserved,
    PredictionMade,
)
from flyball.schemas.telemetry import TelemetryPolicy
from flyball.schemas.topics import AGENT_EVENTS
from telemetry_ingest.domain.assign import bucket_start_seconds, segment_of
from telemetry_ingest.domain.judged import (
    Evaluation,
    Feedback,
    Joined,
    Judged,
    Judgement,
    Outcome,
    Pair,
    judgement_of,
    payload_of,
)
from telemetry_ingest.domain.verdicts import Accepted
from telemetry_ingest.domain.waiting import (
    judged_of,
    judging_item,
    labels_hash,
    labels_of,
    native_place,
    place_of,
    short_hash,
    value_of,
    waiting_item,
)

DAYS_DEFAULT: int = TelemetryPolicy().join_horizon_days
PREDICTION, INTERACTION = "p", "i"

Horizons = Mapping[tuple[str, str], Sequence[tuple[datetime, int]]]
"""From when on which horizon in days holds, by tenant and system; a system that is not in it has the default."""
System = tuple[str, str, tuple[int, ...]]
"""Tenant, system, and its horizons in days: first the one in force, then others that its events may wait under."""


@dataclass(slots=True)
class Asked:
    """What one system's events in a batch ask: packed, in their order."""

    system: System
    prefix: str
    waiting: list[bytes] = field(default_factory=list)
    labels: dict[bytes, bytes] = field(default_factory=dict)
    judging: list[bytes] = field(default_factory=list)
    judgements: list[Judgement] = field(default_factory=list)
    """What ``judging`` holds, unpacked."""

    @property
    def key(self) -> bytes:
        return short_hash(self.prefix.encode())


class Claimed(NamedTuple):
    """A judgement that waited for number ``waiting`` of what was asked."""

    waiting: int
    payload: bytes
    is_first: bool


class Found(NamedTuple):
    """What waited for number ``judging``, and its labels."""

    judging: int
    value: bytes
    labels: bytes
    is_first: bool


class Answer(NamedTuple):
    """To what one system asked. ``overflowed`` are numbers of ``waiting`` that could not be kept, for want of room."""

    claimed: Sequence[Claimed] = ()
    found: Sequence[Found] = ()
    overflowed: Sequence[int] = ()


def joining(events: Iterable[Accepted]) -> list[Accepted]:
    """Those that wait for others, or that others wait for."""
    return [one for one in events if isinstance(one.event.data, _JOINING)]


def asked_of(events: Iterable[Accepted], horizons: Horizons) -> list[Asked]:
    """What ``joining`` events ask, by system; those of systems whose horizon is off ask nothing."""
    asked: dict[System, Asked] = {}
    for one in events:
        system = _system(one, horizons)
        if not system[2][0]:
            continue
        own = asked.get(system)
        if own is None:
            own = asked[system] = Asked(system, f"{system[0]}/{system[1]}/")
        data = one.event.data
        if isinstance(data, PredictionMade | InteractionCompleted):
            _ask_to_wait(own, one, data)
        elif isinstance(data, OutcomeObserved | EvaluationRecorded | FeedbackGiven):
            _ask_to_judge(own, one, data)
    return list(asked.values())


def joined_of(asked: Sequence[Asked], answers: Sequence[Answer]) -> Joined:
    """Pairs and overflows, unpacked."""
    joined = Joined()
    for own, answer in zip(asked, answers, strict=True):
        joined.pairs += _pairs(own, answer)
        tenant, system, _ = own.system
        for number in answer.overflowed:
            joined.overflowed[tenant, system, _waiting(own, number)] += 1
    return joined


def _pairs(own: Asked, answer: Answer) -> Iterator[Pair]:
    tenant, system, _ = own.system
    for claimed in answer.claimed:
        judged = _waiting(own, claimed.waiting)
        yield Pair(tenant, system, judged, judgement_of(claimed.payload), claimed.is_first)
    for found in answer.found:
        judged = judged_of(found.value, found.labels)
        yield Pair(tenant, system, judged, own.judgements[found.judging], found.is_first)


def _waiting(own: Asked, number: int) -> Judged:
    value = value_of(own.waiting[number])
    return judged_of(value, own.labels[labels_hash(value)])


_JOINING = (PredictionMade, InteractionCompleted, OutcomeObserved, EvaluationRecorded, FeedbackGiven)


def _system(one: Accepted, horizons: Horizons) -> System:
    tenant, name = one.event.tenant, one.event.subject
    known = horizons.get((tenant, name))
    if known is None:
        return tenant, name, (DAYS_DEFAULT,)
    at = bisect_right(known, one.raw.recorded_at, key=lambda since: since[0])
    days = known[at - 1][1] if at else DAYS_DEFAULT
    others = {DAYS_DEFAULT, *(each for _, each in known if each)} - {days}
    return tenant, name, (days, *sorted(others))


def _ask_to_wait(own: Asked, one: Accepted, data: PredictionMade | InteractionCompleted) -> None:
    if isinstance(data, PredictionMade):
        kind, name, predicted = PREDICTION, data.prediction_id, data.predicted_class
        sure = data.probabilities.get(predicted) if data.probabilities and predicted is not None else None
        numbers = _ppm(data.score), _ppm(sure), data.predicted_value
    else:
        kind, name, predicted = INTERACTION, data.interaction_id, None
        numbers = None, _ppm(data.confidence), None
    labels = labels_of(data.release, segment_of(data.segment) if data.segment else "", predicted)
    code = short_hash(labels)
    own.labels[code] = labels
    identity = short_hash(f"{own.prefix}{kind}{name}".encode())
    at = one.raw.timestamp_ms // 1000
    start = bucket_start_seconds(one.at_us)
    own.waiting.append(waiting_item(identity, _place(one), at, code, start, numbers))


def _ask_to_judge(own: Asked, one: Accepted, data: OutcomeObserved | EvaluationRecorded | FeedbackGiven) -> None:
    kind, name = INTERACTION, data.interaction_id
    if isinstance(data, OutcomeObserved) and data.prediction_id is not None:
        kind, name = PREDICTION, data.prediction_id
    judgement = _judgement(data)
    identity = short_hash(f"{own.prefix}{kind}{name}".encode())
    at = one.raw.timestamp_ms // 1000
    own.judging.append(judging_item(identity, _place(one), at, payload_of(judgement)))
    own.judgements.append(judgement)


def _judgement(data: OutcomeObserved | EvaluationRecorded | FeedbackGiven) -> Judgement:
    if isinstance(data, OutcomeObserved):
        return Outcome(data.true_class, data.true_value, data.success)
    if isinstance(data, FeedbackGiven):
        named = bool(data.segment), data.release is not None
        return Feedback(data.rating, data.thumb, data.complaint, *named)
    score, sampling = _ppm(data.score), round(data.sampling_rate * MILLION)
    who = data.metric, data.evaluator, data.evaluator_version
    return Evaluation(*who, sampling, data.passed, score, bool(data.segment))


def _place(one: Accepted) -> bytes:
    raw = one.raw
    if raw.topic == AGENT_EVENTS.name:
        return native_place(raw.partition, raw.offset)
    return place_of(raw.topic, raw.partition, raw.offset, one.fingerprint)


def _ppm(fraction: float | None) -> int | None:
    return None if fraction is None else round(fraction * MILLION)
