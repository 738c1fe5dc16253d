"""Fairness: are segments treated alike, and could a difference be chance?"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from scipy.special import chdtrc

from flyball.schemas.summaries import TelemetrySummary
from flyball.stats.indicators.classes import positive_class
from flyball.stats.indicators.evidence import Evidence
from flyball.stats.indicators.model import ROWS_MIN, Absent, Estimate, Known
from flyball.stats.proportions import clopper_pearson_interval

DOUBT: Final = 0.05
EXPECTED_MIN: Final = 5
"""Hits and misses that each segment must be expected to have, for the test to hold (W. G. Cochran, 1954)."""
GROUPS_MIN: Final = 2

Group = tuple[int, int]
"""Hits and rows."""


@dataclass(frozen=True, slots=True)
class Gap:
    """The largest rate less the smallest one; ``p_value`` is None where the test has too little data."""

    value: float
    lower: float
    upper: float
    rows: int
    p_value: float | None


def demographic_parity(seen: Evidence, known: Known) -> Estimate:
    """The gap between segments in how often the positive class is predicted.

    Source: S. Barocas, M. Hardt, A. Narayanan, Fairness and Machine Learning, 2023, chapter 3.
    """
    groups = seen.groups(known.fairness_label)
    classes = sorted({name for each in groups.values() for name in each.predictions.classes})
    rows = sum(sum(each.predictions.classes.values()) for each in groups.values())
    positive = positive_class(classes, known)
    if rows and positive is None:
        return Estimate(value=Absent.UNKNOWN, count=rows)
    return _estimate([[_predicted(each, positive or "") for each in groups.values()]], rows)


def equalised_odds(seen: Evidence, known: Known) -> Estimate:
    """The larger of the gaps between segments in true and in false positive rates.

    Source: M. Hardt, E. Price, N. Srebro, NeurIPS 2016, arXiv 1610.02413.
    """
    groups = seen.groups(known.fairness_label)
    tables = [each.labelled.confusion for each in groups.values()]
    classes = sorted({name for table in tables for true, row in table.items() for name in (true, *row)})
    rows = sum(sum(sum(row.values()) for row in table.values()) for table in tables)
    positive = positive_class(classes, known)
    if rows and positive is None:
        return Estimate(value=Absent.UNKNOWN, count=rows)
    return _estimate([[_rate(table, positive or "", true) for table in tables] for true in (True, False)], rows)


def rate_gap(groups: Sequence[Group], confidence: float) -> Gap | None:
    """The gap between the highest and the lowest rate among groups of at least 30 rows; None with fewer than two.

    The interval comes from simultaneous Clopper-Pearson intervals (Bonferroni), so that it also holds for the pair
    that happens to be farthest apart. Test: K. Pearson's chi-square of homogeneity, Philosophical Magazine 50 (1900).
    """
    judged = [group for group in groups if group[1] >= ROWS_MIN]
    if len(judged) < GROUPS_MIN:
        return None
    each = 1 - (1 - confidence) / len(judged)
    bounds = [clopper_pearson_interval(hits, rows, each) for hits, rows in judged]
    rates = [hits / rows for hits, rows in judged]
    return Gap(
        value=max(rates) - min(rates),
        lower=max(0.0, max(low for low, _ in bounds) - min(high for _, high in bounds)),
        upper=max(high for _, high in bounds) - min(low for low, _ in bounds),
        rows=sum(rows for _, rows in judged),
        p_value=homogeneity(judged),
    )


def homogeneity(groups: Sequence[Group]) -> float | None:
    """The chance of rates that differ so much or more, were all alike; None where a group is expected to have few."""
    hits, rows = sum(hits for hits, _ in groups), sum(rows for _, rows in groups)
    rate = hits / rows
    if min(group[1] for group in groups) * min(rate, 1 - rate) < EXPECTED_MIN:
        return 1.0 if hits in {0, rows} else None
    statistic = sum(
        (hits_here - rows_here * rate) ** 2 / (rows_here * rate * (1 - rate)) for hits_here, rows_here in groups
    )
    return float(chdtrc(len(groups) - 1, statistic))


def _estimate(rates: Sequence[Sequence[Group]], rows: int) -> Estimate:
    """Of several rates the widest gap; each is tested at its part of the doubt."""
    if not rows:
        return Estimate(value=Absent.NO_DATA)
    gaps = [rate_gap(groups, 1 - DOUBT / len(rates)) for groups in rates]
    if any(gap is None for gap in gaps):
        return Estimate(value=Absent.TOO_LITTLE_DATA, count=rows)
    found = [gap for gap in gaps if gap is not None]
    tested = [gap.p_value for gap in found if gap.p_value is not None]
    significant = any(p_value < DOUBT / len(rates) for p_value in tested)
    return Estimate(
        value=max(gap.value for gap in found),
        lower=max(gap.lower for gap in found),
        upper=max(gap.upper for gap in found),
        count=rows,
        # A gap that its interval keeps from 0 is none of chance's either, where the test has too few rows to say.
        significant=significant or any(gap.lower > 0 for gap in found),
    )


def _predicted(summary: TelemetrySummary, positive: str) -> Group:
    return summary.predictions.classes.get(positive, 0), sum(summary.predictions.classes.values())


def _rate(table: Mapping[str, Mapping[str, int]], positive: str, true: bool) -> Group:  # noqa: FBT001  one of two rows
    """How often the positive class was predicted, of those of which it was true or of which it was not."""
    rows = [row for name, row in table.items() if (name == positive) == true]
    return sum(row.get(positive, 0) for row in rows), sum(sum(row.values()) for row in rows)
