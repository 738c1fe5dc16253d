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


def drift(random: Random, now: datetime) -> Iterator[Outgoing]:
    edges = tuple(round(math.exp(3 + 0.9 * quantile), 2) for quantile in (-2, -1.5, -1, -0.5, 0, 0.5, 1, 1.5, 2))
    shares = (0.023, 0.044, 0.092, 0.15, 0.191, 0.191, 0.15, 0.092, 0.044, 0.023)
    counts = tuple(round(10_000 * share) for share in shares)
    amount = NumericReference(
        kind="numeric",
        edges=edges,
        counts=counts,
        rows=sum(counts) + 12,
        nulls=12,
        minimum=0.5,
        maximum=900.0,
        standard_deviation=31.0,
    )
    country = CategoricalReference(
        kind="categorical", counts={"de": 6_100, "fr": 2_900, "nl": 1_000}, rows=10_000, nulls=0
    )
    names = ("amount_eur", "hour", "merchant_age_days", "country", "device", "basket_size")
    reference = DriftReference(
        tenant="default",
        system="loan-scoring",
        version=1,
        effective_at=_ten_seconds(now - timedelta(days=2)),
        release="2.0.3",
        rows=10_012,
        features={name: country if name in ("country", "device") else amount for name in names},
        source="file train.parquet",
        author="user:ada",
        created_at=now - timedelta(days=2),
    )
    yield fact(
        DRIFT_REFERENCES, reference, source="drift-detector", identity=_id("reference"), system="loan-scoring", time=now
    )
    courses = {
        "amount_eur": ("none", "low", "medium", "high", "critical"),
        "country": ("none", "none", "low", "medium", "medium"),
        "hour": ("none", "none", "none", "low", "none"),
        "merchant_age_days": ("none", "medium", "high", "medium", "low"),
        "device": ("none",) * 5,
        "basket_size": ("none",) * 5,
    }
    for feature, course in courses.items():
        for step, severity in enumerate(course):
            at = _ten_seconds(now - timedelta(hours=19 - 4.5 * step + random.random()))
            yield _report(feature, severity, step, at, numeric=feature not in ("country", "device"))


def _report(feature: str, severity: str, step: int, at: datetime, *, numeric: bool) -> Outgoing:
    lower = {"none": 0.0, "low": 0.04, "medium": 0.14, "high": 0.24, "critical": 0.41}[severity]
    shift = int(400 * lower)
    live = LiveCounts(
        panes=64, rows=6_420, categories={"de": 3_900 - 4 * shift, "fr": 1_860, "nl": 640}, new=20 + 4 * shift
    )
    if numeric:
        bins = (
            140 - shift // 2,
            280 - shift,
            590 - 2 * shift,
            960 - 2 * shift,
            1_220,
            1_230,
            960 + shift,
            590 + shift,
            290 + 2 * shift,
            148 + shift,
        )
        live = LiveCounts(panes=64, rows=6_420, bins=tuple(max(0, count) for count in bins), nulls=9, out_of_range=14)
    effects = tuple(
        DriftEffect(
            panes=panes,
            rows=100 * panes,
            psi=None if panes == 1 else lower + 0.3 / panes,
            psi_lower=None if panes == 1 else lower,
            jensen_shannon=lower / 8,
            null_rate=0.001,
            out_of_range_rate=0.002,
            new_rate=None if numeric else 0.003,
        )
        for panes in (1, 4, 16, 64)
    )
    report = DriftReport(
        tenant="default",
        system="loan-scoring",
        feature=feature,
        type="data",
        episode=f"data/{feature}/1",
        state="ok" if severity == "none" else "drift",
        severity=severity,
        evidence=DriftEvidence(
            statistic=2_000_000 * 4.0**step if lower else 12.5, threshold=1_800_000, panes=412 + step, dispersion=1.3
        ),
        effects=effects,
        live=live,
        changed_at=at - timedelta(minutes=20) if lower else None,
        pane_start=at,
        reason="" if severity == "none" else f"index at least {lower} over 64 panes",
        reference_version=1,
        policy_version=1,
    )
    return fact(
        DRIFT_REPORTS,
        report,
        source="drift-detector",
        identity=_id(f"{feature}/{step}"),
        system="loan-scoring",
        time=at,
    )


def _ten_seconds(at: datetime) -> datetime:
    return at.replace(microsecond=0, second=at.second // 10 * 10)


def _id(name: str) -> UUID:
    return uuid5(NAMESPACE, name)
