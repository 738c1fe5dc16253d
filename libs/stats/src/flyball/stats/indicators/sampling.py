"""Interactions of which only a sample was told: each stands for as many as its chance says."""

from collections.abc import Callable
from typing import Final

from flyball.schemas.summaries import InteractionStatistics, SampledInteractions
from flyball.stats.indicators.model import Estimate, absent
from flyball.stats.proportions import clopper_pearson_interval
from flyball.stats.sampled_ratio import Stratum, fraction_interval, hajek_ratio

MILLION: Final = 1_000_000


def weight_of(done: InteractionStatistics) -> float:
    """How many interactions there were, as far as what was told of them says: the sum of 1/p."""
    return done.count + sum(one.count * (MILLION / ppm - 1) for ppm, one in done.sampled.items())


def coverage_of(done: InteractionStatistics, count: int) -> float | None:
    """The part that ``count`` interactions are of all."""
    return min(1.0, count / weight_of(done)) if done.count else None


def proportion(successes: int, trials: int) -> Estimate:
    """A share of events that were all looked at, with its Clopper-Pearson interval."""
    missing = absent(trials)
    if missing is not None:
        return missing
    lower, upper = clopper_pearson_interval(successes, trials, 0.95)
    return Estimate(value=successes / trials, lower=lower, upper=upper, count=trials)


def share_of(done: InteractionStatistics, found: int, part: Callable[[SampledInteractions], int]) -> Estimate:
    """``found`` of all that were told, ``part`` of what is sampled: a share of all that there were, weighted by 1/p."""
    missing = absent(done.count)
    if missing is not None or not done.sampled:
        return missing or proportion(found, done.count)
    strata = [Stratum(ppm / MILLION, one.count, part(one), part(one)) for ppm, one in done.sampled.items()]
    rest, rest_found = done.count - sum(one.count for one in strata), found - sum(one.found for one in strata)
    ratio = hajek_ratio([*strata, Stratum(1.0, rest, rest_found, rest_found)])
    lower, upper = fraction_interval(ratio.value, ratio.effective_count)
    coverage = coverage_of(done, done.count)
    return Estimate(value=ratio.value, lower=lower, upper=upper, count=done.count, coverage=coverage)
