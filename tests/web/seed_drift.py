"""What drift-detector would have said of a fraud model whose data are changing."""

import math
from collections.abc import Iterator
from datetime import datetime, timedelta
from random import Random
from uuid import UUID, uuid5

from flyball.bus.messages import fact
from flyball.schemas.drift import (
    CategoricalReference,
    DriftEffect,
    DriftEvidence,
    DriftReference,
    DriftReport,
    LiveCounts,
    NumericReference,
)
from flyball.schemas.topics import DRIFT_REFERENCES, DRIFT_REPORTS
from flyball.store.ports import Outgoing

NAMESPACE = UUID("0b7b1c1a-7f2e-5b52-9d26-9a3a0f6b6f5e")


SYSTEM = "loan-scoring"
CATEGORIES = ("country", "device")
LOWER = {"none": 0.0, "low": 0.04, "medium": 0.14, "high": 0.24, "critical": 0.41}
"""Of the index, by severity."""
COURSES = {
    "amount_eur": ("none", "low", "medium", "high", "critical"),
    "country": ("none", "none", "low", "medium", "medium"),
    "hour": ("none", "none", "none", "low", "none"),
    "merchant_age_days": ("none", "medium", "high", "medium", "low"),
    "device": ("none",) * 5,
    "basket_size": ("none",) * 5,
}
EDGES = tuple(round(math.exp(3 + 0.9 * quantile), 2) for quantile in (-2, -1.5, -1, -0.5, 0, 0.5, 1, 1.5, 2))
COUNTS = (230, 440, 920, 1_500, 1_910, 1_910, 1_500, 920, 440, 230)
LIVE = (140, 280, 590, 960, 1_220, 1_230, 960, 590, 290, 148)
SHIFTS = (-0.5, -1.0, -2.0, -2.0, 0.0, 0.0, 1.0, 1.0, 2.0, 1.0)


def drift(random: Random, now: datetime) -> Iterator[Outgoing]:
    """One reference, and five reports of each feature over the last day."""
    reference = _reference(now)
    yield fact(DRIFT_REFERENCES, reference, source="drift-detector", identity=_id("reference"), system=SYSTEM, time=now)
    for feature, course in COURSES.items():
        for step, severity in enumerate(course):
            at = _ten_seconds(now - timedelta(hours=19 - 4.5 * step + random.random()))
            report = _report(feature, severity, step, at)
            identity = _id(f"{feature}/{step}")
            yield fact(DRIFT_REPORTS, report, source="drift-detector", identity=identity, system=SYSTEM, time=at)


def _reference(now: datetime) -> DriftReference:
    amount = NumericReference(
        kind="numeric",
        edges=EDGES,
        counts=COUNTS,
        rows=sum(COUNTS) + 12,
        nulls=12,
        minimum=0.5,
        maximum=900.0,
        standard_deviation=31.0,
    )
    shares = {"de": 6_100, "fr": 2_900, "nl": 1_000}
    country = CategoricalReference(kind="categorical", counts=shares, rows=10_000, nulls=0)
    return DriftReference(
        tenant="default",
        system=SYSTEM,
        version=1,
        effective_at=_ten_seconds(now - timedelta(days=2)),
        release="2.0.3",
        rows=10_012,
        features={name: country if name in CATEGORIES else amount for name in COURSES},
        source="file train.parquet",
        author="user:ada",
        created_at=now - timedelta(days=2),
    )


def _report(feature: str, severity: str, step: int, at: datetime) -> DriftReport:
    lower = LOWER[severity]
    evidence = DriftEvidence(
        statistic=2_000_000 * 4.0**step if lower else 12.5, threshold=1_800_000, panes=412 + step, dispersion=1.3
    )
    return DriftReport(
        tenant="default",
        system=SYSTEM,
        feature=feature,
        type="data",
        episode=f"data/{feature}/1",
        state="drift" if lower else "ok",
        severity=severity,
        evidence=evidence,
        effects=tuple(_effect(panes, lower) for panes in (1, 4, 16, 64)),
        live=_live(feature, int(400 * lower)),
        changed_at=at - timedelta(minutes=20) if lower else None,
        pane_start=at,
        reason=f"index at least {lower} over 64 panes" if lower else "",
        reference_version=1,
        policy_version=1,
    )


def _effect(panes: int, lower: float) -> DriftEffect:
    return DriftEffect(
        panes=panes,
        rows=100 * panes,
        psi=None if panes == 1 else lower + 0.3 / panes,
        psi_lower=None if panes == 1 else lower,
        jensen_shannon=lower / 8,
        null_rate=0.001,
        out_of_range_rate=0.002,
        new_rate=None,
    )


def _live(feature: str, shift: int) -> LiveCounts:
    if feature in CATEGORIES:
        seen = {"de": 3_900 - 4 * shift, "fr": 1_860, "nl": 640}
        return LiveCounts(panes=64, rows=6_420, categories=seen, new=20 + 4 * shift)
    bins = tuple(max(0, round(count + shift * by)) for count, by in zip(LIVE, SHIFTS, strict=True))
    return LiveCounts(panes=64, rows=6_420, bins=bins, nulls=9, out_of_range=14)


def _ten_seconds(at: datetime) -> datetime:
    return at.replace(microsecond=0, second=at.second // 10 * 10)


def _id(name: str) -> UUID:
    return uuid5(NAMESPACE, name)
