"""Classic models: predictions against the truth, as far as it came to be known."""

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np

from flyball.schemas.summaries import Histogram, LabelledStatistics
from flyball.stats.area_under_curve import area_under_curve
from flyball.stats.confusion import FloatArray, class_scores, confusion_matrix
from flyball.stats.indicators.evidence import Evidence
from flyball.stats.indicators.model import Absent, Estimate, Known, absent
from flyball.stats.indicators.sampling import proportion
from flyball.stats.sampled_ratio import effective_size, fraction_interval

POSITIVE_BY_CUSTOM: Final = ("1", "true", "yes", "positive")
NEGATIVE_BY_CUSTOM: Final = ("0", "false", "no", "negative")


def accuracy(seen: Evidence, known: Known) -> Estimate:
    """The share of labelled predictions whose class was the true one."""
    del known
    confusion = seen.total.labelled.confusion
    hits = sum(row.get(true, 0) for true, row in confusion.items())
    return proportion(hits, _rows(confusion))


def precision(seen: Evidence, known: Known) -> Estimate:
    """Of the positive class; without one the mean over all classes that were predicted."""
    return _score(seen, known, "precision")


def recall(seen: Evidence, known: Known) -> Estimate:
    """Of the positive class; without one the mean over all classes that were true."""
    return _score(seen, known, "recall")


def f1(seen: Evidence, known: Known) -> Estimate:
    """Of the positive class; without one the mean over all classes."""
    return _score(seen, known, "f1")


def area(seen: Evidence, known: Known) -> Estimate:
    """The area under the curve of the positive class against all others, from scores by the class of truth."""
    scores = seen.total.labelled.score_ppm
    count = sum(histogram.count for histogram in scores.values())
    missing = absent(count)
    if missing is not None:
        return missing
    positive = positive_class(tuple(scores), known)
    if positive is None:
        return Estimate(value=Absent.UNKNOWN, count=count)
    right, wrong = _by_bin(scores, positive)
    if not right.sum() or not wrong.sum():
        return Estimate(value=Absent.TOO_LITTLE_DATA, count=count)
    found = area_under_curve(right, wrong)
    return Estimate(value=found.value, lower=found.lower, upper=found.upper, count=count)


def positive_class(classes: Sequence[str], known: Known) -> str | None:
    """The one that is declared, or that everybody calls positive; None where guessing could turn a figure round."""
    if known.positive_class is not None:
        return known.positive_class
    lowered = {name.casefold(): name for name in classes}
    if len(lowered) > 2:  # noqa: PLR2004  positive and negative
        return None
    for positive, negative in zip(POSITIVE_BY_CUSTOM, NEGATIVE_BY_CUSTOM, strict=True):
        if positive in lowered and lowered.keys() <= {positive, negative}:
            return lowered[positive]
    return None


def _score(seen: Evidence, known: Known, name: str) -> Estimate:
    labelled: LabelledStatistics = seen.total.labelled
    count = _rows(labelled.confusion)
    missing = absent(count)
    if missing is not None:
        return missing
    named, matrix = confusion_matrix(labelled.confusion)
    positive = positive_class(named, known)
    if positive is not None and positive not in named:
        return Estimate(value=Absent.TOO_LITTLE_DATA, count=count)
    chosen = range(len(named)) if positive is None else [named.index(positive)]
    scored = class_scores(matrix, chosen)[name]
    if scored is None:
        return Estimate(value=Absent.TOO_LITTLE_DATA, count=count)
    effective = effective_size(scored.value, scored.variance, _base(matrix, chosen, name))
    lower, upper = fraction_interval(scored.value, effective)
    return Estimate(value=scored.value, lower=lower, upper=upper, count=count)


def _base(matrix: FloatArray, chosen: Sequence[int], name: str) -> float:
    """On how many rows a score rests that has no variance, since all of them came out alike: of the rarest class."""
    by_class = np.array([_relevant(matrix, at, name) for at in chosen])
    return float(by_class[by_class > 0].min())


def _relevant(matrix: FloatArray, at: int, name: str) -> float:
    predicted, true = float(matrix[:, at].sum()), float(matrix[at, :].sum())
    return {"precision": predicted, "recall": true, "f1": predicted + true - float(matrix[at, at])}[name]


def _by_bin(scores: Mapping[str, Histogram], positive: str) -> tuple[FloatArray, FloatArray]:
    """Counts of the positive class and of all others on the same rising bins."""
    at = {index: place for place, index in enumerate(sorted({i for each in scores.values() for i in each.bins}))}
    right, wrong = np.zeros(len(at)), np.zeros(len(at))
    for true, histogram in scores.items():
        counts = right if true == positive else wrong
        for index, count in histogram.bins.items():
            counts[at[index]] += count
    return right, wrong


def _rows(confusion: Mapping[str, Mapping[str, int]]) -> int:
    return sum(sum(row.values()) for row in confusion.values())
