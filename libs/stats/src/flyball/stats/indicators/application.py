"""The application: does it answer, in time, with room to spare?"""

from typing import Final

from flyball.schemas.summaries import Histogram
from flyball.stats.indicators.evidence import Evidence
from flyball.stats.indicators.model import Absent, Estimate, Known
from flyball.stats.indicators.sampling import coverage_of, share_of
from flyball.stats.quantiles import quantile

MICRO: Final = 1e-6


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
    return share_of(done, done.count - sum(done.errors.values()), lambda one: one.count - one.failed)


def error_rate(seen: Evidence, known: Known) -> Estimate:
    """The share of interactions that ended with an error."""
    del known
    done = seen.total.interactions
    return share_of(done, sum(done.errors.values()), lambda one: one.failed)


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
    """Interactions per second in the busiest ten seconds, as a part of the capacity: counted, so its own interval.

    Those of a sample count for as many as they stand for.
    """
    done = seen.total.interactions
    count = done.count
    if not count:
        return Estimate(value=Absent.NO_DATA)
    if not known.capacity_per_second:
        return Estimate(value=Absent.UNKNOWN, count=count)
    part = seen.peak_per_second / known.capacity_per_second
    coverage = coverage_of(done, count) if done.sampled else None
    return Estimate(value=part, lower=part, upper=part, count=count, coverage=coverage)
