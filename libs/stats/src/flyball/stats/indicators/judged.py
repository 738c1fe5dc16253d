"""Language models: what evaluators found, weighted by the chance each interaction had of being judged."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from flyball.schemas.summaries import EvaluationStatistics, Histogram
from flyball.stats.indicators.evidence import Evidence
from flyball.stats.indicators.model import Absent, Estimate, Known, absent
from flyball.stats.indicators.sampling import coverage_of
from flyball.stats.quantiles import middle_of
from flyball.stats.sampled_ratio import Stratum, fraction_interval, hajek_ratio

MILLION: Final = 1_000_000
STARS: Final = 5


def relevance(seen: Evidence, known: Known) -> Estimate:
    """The share that passed; of an evaluator without verdicts, its mean score."""
    del known
    return _passed_or_scored(seen, "relevance")


def retrieval_hit(seen: Evidence, known: Known) -> Estimate:
    """The share that passed; of an evaluator without verdicts, its mean score."""
    del known
    return _passed_or_scored(seen, "retrieval_hit")


def hallucination(seen: Evidence, known: Known) -> Estimate:
    """The share that failed the check for hallucinations; without verdicts the mean score, 1 being invented wholly."""
    del known
    judged = _of(seen, "hallucination")
    if any(each.passed + each.failed for each in judged):
        return _mean([_verdicts(each, failed=True) for each in judged], seen)
    return _mean([_scores(each) for each in judged], seen)


def response_quality(seen: Evidence, known: Known) -> Estimate:
    """The mean score times 5: the usual stars."""
    del known
    found = _mean([_scores(each) for each in _of(seen, "response_quality")], seen)
    if isinstance(found.value, Absent) or found.lower is None or found.upper is None:
        return found
    return replace(found, value=STARS * found.value, lower=STARS * found.lower, upper=STARS * found.upper)


def _passed_or_scored(seen: Evidence, metric: str) -> Estimate:
    judged = _of(seen, metric)
    if any(each.passed + each.failed for each in judged):
        return _mean([_verdicts(each, failed=False) for each in judged], seen)
    return _mean([_scores(each) for each in judged], seen)


def _of(seen: Evidence, metric: str) -> Sequence[EvaluationStatistics]:
    """Dots, dashes and underscores in the names of metrics are alike."""
    return [each for each in seen.total.evaluations if each.metric.replace("-", "_").replace(".", "_") == metric]


def _mean(strata: Sequence[Stratum], seen: Evidence) -> Estimate:
    count = sum(each.count for each in strata)
    missing = absent(count)
    coverage = coverage_of(seen.total.interactions, count)
    if missing is not None:
        return replace(missing, coverage=coverage)
    ratio = hajek_ratio(strata)
    lower, upper = fraction_interval(ratio.value, ratio.effective_count)
    return Estimate(value=ratio.value, lower=lower, upper=upper, count=count, coverage=coverage)


def _verdicts(judged: EvaluationStatistics, *, failed: bool) -> Stratum:
    found = judged.failed if failed else judged.passed
    return Stratum(judged.sampling_ppm / MILLION, judged.passed + judged.failed, found, found)


def _scores(judged: EvaluationStatistics) -> Stratum:
    scores = judged.score_ppm
    return Stratum(judged.sampling_ppm / MILLION, scores.count, scores.total / MILLION, _squares(scores) / MILLION**2)


def _squares(scores: Histogram) -> float:
    """By the middles of the bins, within 1 %."""
    return sum(count * middle_of(at) ** 2 for at, count in scores.bins.items())
