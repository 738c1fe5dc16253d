"""The business: what did it cost, what did it bring, what do users say?"""

from typing import Final

from scipy.special import ndtri, stdtrit

from flyball.schemas.summaries import Histogram, InteractionStatistics
from flyball.stats.indicators.evidence import Evidence
from flyball.stats.indicators.model import Absent, Estimate, Known, absent
from flyball.stats.indicators.sampling import coverage_of
from flyball.stats.quantiles import middle_of

MICRO: Final = 1e-6
STARS: Final = range(1, 6)


def cost_per_success(seen: Evidence, known: Known) -> Estimate:
    """Mean cost of the priced interactions over the share of all that did not fail, in US dollars.

    ``coverage`` is the priced part: those without a price count as costing what the others do, never as free.
    The interval is that of a ratio of two means by the delta method. Source: W. G. Cochran, Sampling Techniques,
    1977, section 6.3, both parts taken as independent.
    """
    del known
    done = seen.total.interactions
    missing = absent(done.count)
    if missing is not None:
        return missing
    priced, good = done.cost_micro_usd, done.count - sum(done.errors.values())
    coverage = priced.count / done.count
    if not priced.count:
        return Estimate(value=Absent.UNKNOWN, count=done.count, coverage=0.0)
    if not good or (missing := absent(priced.count)) is not None:
        return Estimate(value=Absent.TOO_LITTLE_DATA, count=done.count, coverage=coverage)
    mean, rate = priced.total / priced.count, good / done.count
    value = mean / rate * MICRO
    half = float(ndtri(0.975)) * _relative_error(priced, rate, done) * value
    return Estimate(value=value, lower=max(0.0, value - half), upper=value + half, count=done.count, coverage=coverage)


def user_rating(seen: Evidence, known: Known) -> Estimate:
    """The mean of the ratings of 1 to 5, with Student's interval cut to that range.

    ``coverage`` is the part of the interactions that were rated: who rates is not drawn by chance.
    """
    del known
    ratings = seen.total.feedback.ratings
    count = sum(ratings.values())
    missing = absent(count)
    if missing is not None:
        return missing
    mean = sum(stars * ratings.get(stars, 0) for stars in STARS) / count
    squares = sum(ratings.get(stars, 0) * (stars - mean) ** 2 for stars in STARS)
    half = float(stdtrit(count - 1, 0.975)) * (squares / (count - 1) / count) ** 0.5
    return Estimate(
        value=mean,
        lower=max(1.0, mean - half),
        upper=min(5.0, mean + half),
        count=count,
        coverage=coverage_of(seen.total.interactions, count),
    )


def return_on_investment(seen: Evidence, known: Known) -> Estimate:
    """(Business value - cost) / cost: counted, so its own interval. Unknown while an interaction has no price."""
    del known
    done = seen.total.interactions
    if not done.count:
        return Estimate(value=Absent.NO_DATA)
    cost = done.cost_micro_usd.total
    coverage = done.cost_micro_usd.count / done.count
    if done.cost_micro_usd.count < done.count or not cost or not done.business_value_micro_usd:
        return Estimate(value=Absent.UNKNOWN, count=done.count, coverage=coverage)
    value = (done.business_value_micro_usd - cost) / cost
    return Estimate(value=value, lower=value, upper=value, count=done.count, coverage=coverage)


def _relative_error(priced: Histogram, rate: float, done: InteractionStatistics) -> float:
    """Standard error of the ratio as a part of it."""
    mean = priced.total / priced.count
    if not mean:
        return 0.0
    squares = sum(count * (middle_of(at) - mean) ** 2 for at, count in priced.bins.items())
    of_mean = squares / (priced.count - 1) / priced.count / mean**2
    return float((of_mean + (1 - rate) / (rate * done.count)) ** 0.5)
