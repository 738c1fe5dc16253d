"""What a sample says of all, where not every event had the same chance to be looked at."""

from collections.abc import Sequence
from dataclasses import dataclass

from flyball.stats.proportions import clopper_pearson_interval, kish_effective_size


@dataclass(frozen=True, slots=True)
class Stratum:
    """``count`` events that had the same ``chance`` in (0, 1]; sums of what was found of them, each in [0, 1]."""

    chance: float
    count: int
    found: float
    found_squared: float


@dataclass(frozen=True, slots=True)
class Ratio:
    """A mean over all events, in [0, 1]; ``effective_count`` equally weighted ones would be as sure."""

    value: float
    variance: float
    count: int
    effective_count: float


def hajek_ratio(strata: Sequence[Stratum]) -> Ratio:
    """Sum of found / p over sum of 1 / p, with the variance of its linear form.

    Source: J. Hajek, comment on D. Basu, in Foundations of Statistical Inference, 1971, 236; variance: C.-E. Saerndal,
    B. Swensson, J. Wretman, Model Assisted Survey Sampling, 1992, section 5.7, without the finite-population part: it
    speaks of what the system does, not only of the events that there were. Raises ``ValueError`` without events.
    """
    count = sum(each.count for each in strata)
    if count <= 0:
        raise ValueError("no sampled events: a mean of nothing is not a figure")
    weight = sum(each.count / each.chance for each in strata)
    value = min(1.0, max(0.0, sum(each.found / each.chance for each in strata) / weight))
    squares = sum(
        (each.found_squared - 2 * value * each.found + value**2 * each.count) / each.chance**2 for each in strata
    )
    variance = max(0.0, squares) / weight**2
    kish = kish_effective_size(weight, sum(each.count / each.chance**2 for each in strata))
    return Ratio(value, variance, count, effective_size(value, variance, kish))


def effective_size(value: float, variance: float, otherwise: float) -> float:
    """How many plain trials have this variance at this proportion; ``otherwise`` where all trials came out alike."""
    # Rounding leaves a variance of 1e-20 where there is none.
    return value * (1 - value) / variance if variance * 1e15 > value * (1 - value) > 0 else otherwise


def fraction_interval(value: float, effective_count: float, confidence: float = 0.95) -> tuple[float, float]:
    """Interval of a fraction by its effective number of trials: in [0, 1], and never a point.

    Source: E. L. Korn, B. I. Graubard, Survey Methodology 24 (1998) 193-201: Clopper-Pearson on the effective size.
    """
    return clopper_pearson_interval(value * effective_count, effective_count, confidence)
