"""Means, sums and quantiles of sampled metrics."""

import re
from typing import Final

from scipy.special import stdtrit

from flyball.schemas.summaries import MetricStatistics
from flyball.stats.indicators.evidence import Evidence
from flyball.stats.indicators.model import Absent, Estimate, Known, absent
from flyball.stats.quantiles import middle_of, quantile

MILLION: Final = 1_000_000
LEVEL: Final = 0.95
_WORDS = re.compile(r"[._-]+")


def cpu(seen: Evidence, known: Known) -> Estimate:
    """The 95th percentile of its samples."""
    del known
    return _utilisation(seen, "cpu")


def memory(seen: Evidence, known: Known) -> Estimate:
    """The 95th percentile of its samples."""
    del known
    return _utilisation(seen, "memory")


def disk(seen: Evidence, known: Known) -> Estimate:
    """The 95th percentile of its samples."""
    del known
    return _utilisation(seen, "disk")


def network(seen: Evidence, known: Known) -> Estimate:
    """The 95th percentile of its samples."""
    del known
    return _utilisation(seen, "network")


def conversion(seen: Evidence, known: Known) -> Estimate:
    """The mean of its samples, each the conversion of one visitor (0 or 1) or of as many as of any other."""
    del known
    found = _the_one(seen, "business", "conversion")
    return found if isinstance(found, Estimate) else mean(found)


def revenue(seen: Evidence, known: Known) -> Estimate:
    """The sum of its samples: counted, so its own interval."""
    del known
    found = _the_one(seen, "business", "revenue")
    if isinstance(found, Estimate):
        return found
    amount = found.total_micro / MILLION
    return Estimate(value=amount, lower=amount, upper=amount, count=found.count)


def mean(metric: MetricStatistics) -> Estimate:
    """The exact mean with Student's interval; the variance is that of the bins' middles, within 1 %.

    Source: Student, Biometrika 6 (1908) 1-25.
    """
    missing = absent(metric.count)
    if missing is not None:
        return missing
    centre = metric.total_micro / metric.count
    squares = sum(count * (middle_of(at) - centre) ** 2 for at, count in metric.bins.items())
    squares += sum(count * (-middle_of(at) - centre) ** 2 for at, count in metric.negative_bins.items())
    error = (squares / (metric.count - 1) / metric.count) ** 0.5
    half = float(stdtrit(metric.count - 1, 0.975)) * error
    return Estimate(
        value=centre / MILLION,
        lower=(centre - half) / MILLION,
        upper=(centre + half) / MILLION,
        count=metric.count,
    )


def _utilisation(seen: Evidence, word: str) -> Estimate:
    found = _the_one(seen, "infrastructure", word)
    if isinstance(found, Estimate):
        return found
    if found.negative_bins:
        return Estimate(value=Absent.UNKNOWN, count=found.count)
    level = quantile(found.bins, LEVEL)
    if level.lower is None or level.upper is None:
        return Estimate(value=Absent.TOO_LITTLE_DATA, count=found.count)
    return Estimate(
        value=level.value / MILLION, lower=level.lower / MILLION, upper=level.upper / MILLION, count=found.count
    )


def _the_one(seen: Evidence, layer: str, word: str) -> MetricStatistics | Estimate:
    """The metric that has ``word`` among the words of its name: none is no data, several cannot be told apart."""
    named = [each for each in seen.total.metrics if each.layer == layer and word in _WORDS.split(each.metric)]
    exact = [each for each in named if each.metric == word] or named
    if not exact:
        return Estimate(value=Absent.NO_DATA)
    if len(exact) > 1:
        return Estimate(value=Absent.UNKNOWN, count=sum(each.count for each in exact))
    return exact[0]
