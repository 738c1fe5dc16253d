"""The application: does it answer, in time, with room to spare?"""

from typing import Final

from flyball.schemas.summaries import Histogram
from flyball.stats.indicators.evidence import Evidence
from flyball.stats.indicators.model import Absent, Estimate, Known, absent
from flyball.stats.proportions import clopper_pearson_interval
from flyball.stats.quantiles import quantile

MICRO: Final = 1e-6


def proportion(successes: int, trials: int) -> Estimate:
    """A share of events that were all looked at, with its Clopper-Pearson interval."""
    missing = absent(trials)
    if missing is not None:
        return missing
    lower, upper = clopper_pearson_interval(successes, trials, 0.95)
    return Estimate(value=successes / trials, lower=lower, upper=upper, count=trials)


def quantile_of(histogram: Histogram, level: float) -> Estimate:
    """A quantile of microseconds, in seconds. Too little data is where its interval has no two ends."""
    if not histogram.count:
        return Estimate(value=Absent.NO_DATA)
    found = quantile(histogram.bins, level)
    if found.lower is None or found.upper is None:
        return Estimate(value=Absent.TOO_LITTLE_DATA, count=found.count)
    return Estimate(value=found.value * MICRO, lower=found.lower * MICRO, upper=found.upper * MICRO, count=found.count)


def availability(seen: Evidence, known: Known) -> Estimate:
    """The share of interactions that did not end with an error."""
    del known
    done = seen.total.interactions
    return proportion(done.count - sum(done.errors.values()), done.count)


def error_rate(seen: Evidence, known: Known) -> Estimate:
    """The share of interactions that ended with an error."""
    del known
    done = seen.total.interactions
    return proportion(sum(done.errors.values()), done.count)


def latency_p95(seen: Evidence, known: Known) -> Estimate:
    del known
    return quantile_of(seen.total.interactions.latency_us, 0.95)


def latency_p99(seen: Evidence, known: Known) -> Estimate:
    del known
    return quantile_of(seen.total.interactions.latency_us, 0.99)


def time_to_first_token_p95(seen: Evidence, known: Known) -> Estimate:
    del known
    return quantile_of(seen.total.interactions.time_to_first_token_us, 0.95)


def throughput_of_capacity(seen: Evidence, known: Known) -> Estimate:
    """Interactions per second in the busiest ten seconds, as a part of the capacity: counted, so its own interval."""
    count = seen.total.interactions.count
    if not count:
        return Estimate(value=Absent.NO_DATA)
    if not known.capacity_per_second:
        return Estimate(value=Absent.UNKNOWN, count=count)
    part = seen.peak_per_second / known.capacity_per_second
    return Estimate(value=part, lower=part, upper=part, count=count)
