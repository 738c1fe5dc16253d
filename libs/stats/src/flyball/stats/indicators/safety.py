"""Safety and autonomy: are attacks stopped, do people decide rarely enough, does confidence mean what it says?"""

from collections.abc import Sequence
from typing import Final

from scipy.special import ndtri

from flyball.schemas.summaries import CalibrationStatistics, Histogram
from flyball.stats.calibration import BINS, ReliabilityBin
from flyball.stats.indicators.evidence import Evidence
from flyball.stats.indicators.model import Absent, Estimate, Known, absent
from flyball.stats.indicators.sampling import proportion, share_of
from flyball.stats.merging import merge_histograms
from flyball.stats.quantiles import middle_of

MILLION: Final = 1_000_000
ROWS_OF_A_BIN_MIN: Final = 2


def guardrail_block_rate(seen: Evidence, known: Known) -> Estimate:
    """The share of attempts known to be malicious that were blocked."""
    del known
    blocked = sum(rule.malicious_blocked for rule in seen.total.guardrails)
    return proportion(blocked, blocked + sum(rule.malicious_passed for rule in seen.total.guardrails))


def human_in_the_loop_rate(seen: Evidence, known: Known) -> Estimate:
    """The share of interactions that were escalated to a person."""
    del known
    done = seen.total.interactions
    return share_of(done, done.escalated, lambda one: one.escalated)


def calibration_error(seen: Evidence, known: Known) -> Estimate:
    """Root mean square of accuracy less confidence over 15 bins of like confidence, without the part that is noise.

    Sources: A. Kumar, P. Liang, T. Ma, NeurIPS 2019, arXiv 1909.10155 (estimate, see ``debiased_calibration_error``);
    interval by the moments of squared normal differences: N. L. Johnson, S. Kotz, N. Balakrishnan, Continuous
    Univariate Distributions 2, 1995, chapter 29. Judges are taken together, ``truth`` alone where it is among them.
    """
    del known
    judged = _judged(seen.total.calibration)
    right = merge_histograms(each.right_ppm for each in judged)
    wrong = merge_histograms(each.wrong_ppm for each in judged)
    count = right.count + wrong.count
    missing = absent(count)
    if missing is not None:
        return missing
    bins = [each for each in reliability_of(right, wrong) if each.rows >= ROWS_OF_A_BIN_MIN]
    if not bins:
        return Estimate(value=Absent.TOO_LITTLE_DATA, count=count)
    squared, variance = _squared_error(bins)
    half = float(ndtri(0.975)) * variance**0.5
    low, high = max(0.0, squared - half), max(0.0, squared + half)
    return Estimate(value=max(0.0, squared) ** 0.5, lower=low**0.5, upper=high**0.5, count=count)


def reliability_of(right: Histogram, wrong: Histogram) -> Sequence[ReliabilityBin]:
    """At most 15 bins of about equal count by rising confidence, of confidences in millionths."""
    total, before = right.count + wrong.count, 0
    groups: dict[int, list[tuple[int, int, int]]] = {}
    for index in sorted({*right.bins, *wrong.bins}):
        hits, misses = right.bins.get(index, 0), wrong.bins.get(index, 0)
        middle = (before + (hits + misses) / 2) / total
        groups.setdefault(min(int(middle * BINS), BINS - 1), []).append((index, hits, misses))
        before += hits + misses
    return [_bin(members, total) for members in groups.values()]


def _bin(members: Sequence[tuple[int, int, int]], total: int) -> ReliabilityBin:
    rows = sum(hits + misses for _, hits, misses in members)
    stated = sum((hits + misses) * middle_of(index) for index, hits, misses in members)
    hits = sum(hits for _, hits, _ in members)
    return ReliabilityBin(rows / total, rows, min(1.0, stated / rows / MILLION), hits / rows)


def _squared_error(bins: Sequence[ReliabilityBin]) -> tuple[float, float]:
    """The squared error without its noise, and the variance of that estimate."""
    squared = variance = 0.0
    whole = sum(each.share for each in bins)
    for each in bins:
        noise = each.accuracy * (1 - each.accuracy) / (each.rows - 1)
        # A bin in which all came out alike is not sure of it.
        doubt = (hits := each.accuracy * each.rows + 1) * (each.rows + 2 - hits) / (each.rows + 2) ** 3
        difference = (each.accuracy - each.mean_confidence) ** 2
        part = each.share / whole
        squared += part * (difference - noise)
        variance += part**2 * (4 * max(0.0, difference - noise) * doubt + 2 * doubt**2)
    return squared, variance


def _judged(found: Sequence[CalibrationStatistics]) -> Sequence[CalibrationStatistics]:
    return [each for each in found if each.judge == "truth"] or found
