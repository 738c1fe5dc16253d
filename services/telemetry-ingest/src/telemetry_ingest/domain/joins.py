"""What a batch asks of the memory of joins, and what the answers add up to.

A pair is found by whichever of the two comes second, and counts in the bucket of what was judged, which is the same
whichever that was. So order, batching and redelivery change nothing in the sums.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from flyball.schemas.native import MILLION
from flyball.schemas.plain import (
    EvaluationRecorded,
    FeedbackGiven,
    InteractionCompleted,
    OutcomeObserved,
    PlainEvent,
    PredictionMade,
)
from flyball.schemas.topics import AGENT_EVENTS
from telemetry_ingest.domain.assign import BUCKET_US, segment_of
from telemetry_ingest.domain.feeds.rules import NOT_DECLARED, Declaration
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
from telemetry_ingest.domain.verdicts import Accepted, Raw
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

PREDICTION, INTERACTION = "p", "i"
_JOINING = frozenset({PredictionMade, InteractionCompleted, OutcomeObserved, EvaluationRecorded, FeedbackGiven})

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

    _codes: dict[tuple[str, str, str | None], bytes] = field(default_factory=dict)

    def labelled(self, *texts: *tuple[str, str, str | None]) -> bytes:
        """The hash of release, segment and class; they are sent once."""
        code = self._codes.get(texts)
        if code is None:
            labels = labels_of(*texts)
            code = self._codes[texts] = short_hash(labels)
            self.labels[code] = labels
        return code

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
    return [one for one in events if type(one.event.data) in _JOINING]


def asked_of(events: Iterable[Accepted], declared: Mapping[tuple[str, str], Declaration]) -> list[Asked]:
    """What ``joining`` events ask, by system; those of systems whose horizon is off ask nothing."""
    asked: dict[System, Asked] = {}
    usual: dict[tuple[str, str], Asked] = {}
    for event, raw, _, at_us, _ in events:
        name, data = (event.tenant, event.subject), event.data
        own = usual.get(name)
        if own is None:
            declaration = declared.get(name, NOT_DECLARED)
            system = (*name, declaration.join_days(raw.timestamp_ms))
            own = asked.setdefault(system, Asked(system, f"{name[0]}/{name[1]}/"))
            if declaration.joins_alike:
                usual[name] = own
        if type(data) is PredictionMade or type(data) is InteractionCompleted:
            _ask_to_wait(own, event, raw, at_us // BUCKET_US, data)
        elif isinstance(data, OutcomeObserved | EvaluationRecorded | FeedbackGiven):
            _ask_to_judge(own, event, raw, data)
    return [own for own in asked.values() if own.system[2][0]]


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


def _ask_to_wait(
    own: Asked, event: PlainEvent, raw: Raw, bucket: int, data: PredictionMade | InteractionCompleted
) -> None:
    if type(data) is PredictionMade:
        predicted = data.predicted_class
        name, value = f"{own.prefix}{PREDICTION}{data.prediction_id}", data.predicted_value
        sure = data.probabilities.get(predicted) if data.probabilities and predicted is not None else None
        score, confidence = _ppm(data.score), _ppm(sure)
    elif type(data) is InteractionCompleted:
        name, predicted, value = f"{own.prefix}{INTERACTION}{data.interaction_id}", None, None
        score, confidence = None, _ppm(data.confidence)
    labels = own.labelled(data.release, segment_of(data.segment) if data.segment else "", predicted)
    identity, place, at = short_hash(name.encode()), _place(event, raw), raw.timestamp_ms // 1000
    own.waiting.append(waiting_item(identity, place, at, bucket, labels, score, confidence, value))


def _ask_to_judge(
    own: Asked, event: PlainEvent, raw: Raw, data: OutcomeObserved | EvaluationRecorded | FeedbackGiven
) -> None:
    kind, name = INTERACTION, data.interaction_id
    if isinstance(data, OutcomeObserved) and data.prediction_id is not None:
        kind, name = PREDICTION, data.prediction_id
    judgement = _judgement(data)
    identity = short_hash(f"{own.prefix}{kind}{name}".encode())
    at, payload = raw.timestamp_ms // 1000, payload_of(judgement)
    own.judging.append(judging_item(identity, _place(event, raw), at, payload))
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


def _place(event: PlainEvent, raw: Raw) -> bytes:
    if raw.topic == AGENT_EVENTS.name:
        return native_place(raw.partition, raw.offset)
    return place_of(raw.topic, raw.partition, raw.offset, event.source, event.id)


def _ppm(fraction: float | None) -> int | None:
    return None if fraction is None else round(fraction * MILLION)
