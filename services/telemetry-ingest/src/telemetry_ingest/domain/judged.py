"""A prediction or interaction that waits to be judged, a judgement of it, and the two together."""

import json
from collections import Counter
from dataclasses import dataclass, field
from typing import Any, NamedTuple


class Judged(NamedTuple):
    """What judging a prediction or an interaction takes. Empty release or segment stands for none."""

    release: str
    segment: str
    start_seconds: int
    """Of its bucket."""
    predicted_class: str | None = None
    predicted_value: float | None = None
    score_ppm: int | None = None
    confidence_ppm: int | None = None


class Outcome(NamedTuple):
    """What turned out to be true."""

    true_class: str | None
    true_value: float | None
    success: bool | None


class Evaluation(NamedTuple):
    """What an evaluator found, and how much it named of what it judged."""

    metric: str
    evaluator: str
    evaluator_version: str
    sampling_ppm: int
    passed: bool | None
    score_ppm: int | None
    names_segment: bool
    names_release: bool = True


class Feedback(NamedTuple):
    """What a user said, and how much it named of what it judged."""

    rating: int | None
    thumb: str | None
    complaint: bool
    names_segment: bool
    names_release: bool


Judgement = Outcome | Evaluation | Feedback
KINDS: dict[bytes, type[Any]] = {b"o": Outcome, b"e": Evaluation, b"f": Feedback}
_LETTERS = {kind: letter for letter, kind in KINDS.items()}


class Pair(NamedTuple):
    """A judgement that has found what it judges."""

    tenant: str
    system: str
    judged: Judged
    judgement: Judgement
    is_first: bool
    """False for an outcome where another one is known already: the truth counts once."""


@dataclass(slots=True)
class Joined:
    """What a batch found out."""

    pairs: list[Pair] = field(default_factory=list)
    overflowed: Counter[tuple[str, str, Judged]] = field(default_factory=Counter)
    """Predictions and interactions that were not kept, by tenant and system."""


def payload_of(judgement: Judgement) -> bytes:
    """A judgement as it waits: its kind in a letter, then its fields."""
    return _LETTERS[type(judgement)] + json.dumps(judgement, separators=(",", ":")).encode()


def judgement_of(payload: bytes) -> Judgement:
    kind: type[Judgement] = KINDS[payload[:1]]
    return kind(*json.loads(payload[1:]))
