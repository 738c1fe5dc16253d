"""Indicators from summaries against scikit-learn and numpy on the rows; intervals by how often they hold the truth."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from counted import confusion, histogram, indicator, summary

from flyball.schemas.summaries import (
    CalibrationStatistics,
    EvaluationStatistics,
    InteractionStatistics,
    LabelledStatistics,
    PredictionStatistics,
    TelemetrySummary,
)
from flyball.stats.indicators import Estimate, Known

pytestmark = pytest.mark.seeds
KNOWN = Known(positive_class="1")
RUNS = 300


def binary(rng: np.random.Generator, rows: int) -> tuple[Any, Any, Any]:
    """True classes, predicted ones and scores in millionths."""
    true = (rng.uniform(size=rows) < rng.uniform(0.2, 0.6)).astype(int)
    score = np.clip(rng.normal(0.4 + 0.25 * true, rng.uniform(0.1, 0.3)), 0, 1)
    return true, (score > 0.5).astype(int), np.round(score * 1e6).astype(np.int64)


def labelled(true: Any, predicted: Any, score: Any = None, segment: str | None = None) -> TelemetrySummary:
    scores = {} if score is None else {str(c): histogram(score[true == c]) for c in np.unique(true)}
    classes, counts = np.unique(predicted.astype(str), return_counts=True)
    return summary(
        segment=segment,
        predictions=PredictionStatistics(count=true.size, classes=dict(zip(classes, counts.tolist(), strict=True))),
        labelled=LabelledStatistics(
            count=true.size, confusion=confusion(true.astype(str), predicted.astype(str)), score_ppm=scores
        ),
    )


@pytest.mark.parametrize("seed", range(20))
def test_a_binary_classifier(seed: int) -> None:
    from sklearn import metrics

    true, predicted, score = binary(np.random.default_rng(seed), 3_000)
    said = labelled(true, predicted, score)
    for name, wanted in (
        ("accuracy", metrics.accuracy_score(true, predicted)),
        ("precision", metrics.precision_score(true, predicted)),
        ("recall", metrics.recall_score(true, predicted)),
        ("f1", metrics.f1_score(true, predicted)),
        ("area_under_curve", metrics.roc_auc_score(true, score)),
    ):
        assert indicator(name, said, known=KNOWN).estimate.value == pytest.approx(wanted, rel=0.001), name


@pytest.mark.parametrize("seed", range(10))
def test_many_classes_are_averaged_as_scikit_learn_does(seed: int) -> None:
    from sklearn import metrics

    rng = np.random.default_rng(seed)
    true = rng.choice(["a", "b", "c", "d"], 2_000, p=[0.5, 0.3, 0.15, 0.05])
    predicted = np.where(rng.uniform(size=true.size) < 0.7, true, rng.choice(["a", "b", "c"], true.size))
    said = labelled(true, predicted)
    precision, recall, f1, _ = metrics.precision_recall_fscore_support(
        true, predicted, average="macro", zero_division=np.nan
    )
    for name, wanted in (("precision", precision), ("recall", recall), ("f1", f1)):
        assert indicator(name, said).estimate.value == pytest.approx(wanted), name


@pytest.mark.parametrize("seed", range(10))
def test_fairness_gaps(seed: int) -> None:
    from sklearn import metrics

    rng = np.random.default_rng(seed)
    groups = {f"market={n}": binary(rng, int(rng.integers(300, 900))) for n in range(4)}
    said = [labelled(*rows, segment=name) for name, rows in groups.items()]
    parity = [predicted.mean() for _, predicted, _ in groups.values()]
    rates = [metrics.confusion_matrix(t, p, normalize="true")[:, 1] for t, p, _ in groups.values()]
    found = indicator("demographic_parity_gap", *said, known=KNOWN).estimate.value
    assert found == pytest.approx(max(parity) - min(parity))
    odds = float(np.ptp(rates, axis=0).max())
    assert indicator("equalised_odds_gap", *said, known=KNOWN).estimate.value == pytest.approx(odds)


@pytest.mark.parametrize("seed", range(20))
def test_quantiles(seed: int) -> None:
    rng = np.random.default_rng(seed)
    latency = (rng.lognormal(rng.uniform(8, 15), rng.uniform(0.2, 1.5), 5_000) + rng.gamma(2, 1e5, 5_000)).astype(
        np.int64
    )
    said = summary(interactions=InteractionStatistics(count=latency.size, latency_us=histogram(latency)))
    for name, level in (("latency_p95", 0.95), ("latency_p99", 0.99)):
        wanted = float(np.quantile(latency, level, method="inverted_cdf")) / 1e6
        assert indicator(name, said).estimate.value == pytest.approx(wanted, rel=0.01)


def holds(truth: float, draw: Callable[[np.random.Generator], Estimate]) -> float:
    """How often the interval holds the truth."""
    rng = np.random.default_rng(20261121)
    found = [draw(rng) for _ in range(RUNS)]
    return sum(bool(each.lower <= truth <= each.upper) for each in found if each.lower is not None) / RUNS  # type: ignore[operator]


def enough(share: float) -> bool:
    """95 % less three standard errors of the simulation."""
    return share >= 0.95 - 3 * (0.95 * 0.05 / RUNS) ** 0.5


def test_the_interval_of_a_share() -> None:
    def draw(rng: np.random.Generator) -> Estimate:
        errors = int(rng.binomial(2_000, 0.004))
        done = InteractionStatistics(count=2_000, errors={"timeout": errors} if errors else {})
        return indicator("availability", summary(interactions=done)).estimate

    assert enough(holds(0.996, draw))


def test_the_interval_of_a_quantile() -> None:
    def draw(rng: np.random.Generator) -> Estimate:
        latency = rng.exponential(1e6, 800).astype(np.int64)
        done = InteractionStatistics(count=800, latency_us=histogram(latency))
        return indicator("latency_p95", summary(interactions=done)).estimate

    assert enough(holds(-np.log(0.05), draw))


def test_the_interval_of_a_sampled_share() -> None:
    """Failures are looked at more often than passes are, of two kinds of traffic."""

    def draw(rng: np.random.Generator) -> Estimate:
        rows = []
        for chance, share in ((1.0, 0.6), (0.1, 0.9)):
            looked_at = int(rng.binomial(1_000, chance))
            passed = int(rng.binomial(looked_at, share))
            judged = {"metric": "relevance", "evaluator": "judge", "evaluator_version": "1"}
            rows.append(
                EvaluationStatistics(
                    **judged,
                    sampling_ppm=round(chance * 1e6),
                    count=looked_at,
                    passed=passed,
                    failed=looked_at - passed,
                )
            )
        return indicator("relevance", summary(evaluations=tuple(rows))).estimate

    assert enough(holds(0.75, draw))


def test_the_interval_of_an_area_and_of_f1() -> None:
    def rows(rng: np.random.Generator) -> tuple[Any, Any, Any]:
        true = (rng.uniform(size=400) < 0.3).astype(int)
        score = rng.normal(true.astype(float), 1)
        return true, (score > 0.5).astype(int), np.round(1e6 / (1 + np.exp(-score))).astype(np.int64)

    # P(N(1, 1) > N(0, 1)) is Phi(1 / sqrt 2); hits and false alarms of the threshold 1/2 give F1.
    f1 = 2 * 0.3 * 0.691462 / (0.3 + 0.3 * 0.691462 + 0.7 * 0.308538)
    area = lambda rng: indicator("area_under_curve", labelled(*rows(rng)), known=KNOWN).estimate  # noqa: E731
    assert enough(holds(0.760250, area))
    assert enough(holds(f1, lambda rng: indicator("f1", labelled(*rows(rng)), known=KNOWN).estimate))


def test_the_interval_of_a_gap_and_of_the_calibration_error() -> None:
    def gap(rng: np.random.Generator) -> Estimate:
        segments = []
        for name, share in (("a=1", 0.3), ("a=2", 0.35), ("a=3", 0.45)):
            hits = int(rng.binomial(300, share))
            counted = PredictionStatistics(count=300, classes={"1": hits, "0": 300 - hits})
            segments.append(summary(segment=name, predictions=counted))
        return indicator("demographic_parity_gap", *segments).estimate

    def calibration(rng: np.random.Generator) -> Estimate:
        stated = rng.uniform(0.5, 1, 1_500)
        right = rng.uniform(size=stated.size) < stated - 0.1
        judged = CalibrationStatistics(
            judge="truth", right_ppm=histogram(stated[right] * 1e6), wrong_ppm=histogram(stated[~right] * 1e6)
        )
        return indicator("calibration_error", summary(calibration=(judged,))).estimate

    assert enough(holds(0.15, gap))
    assert enough(holds(0.1, calibration))


def test_chance_alone_seldom_makes_a_significant_gap() -> None:
    rng = np.random.default_rng(7)
    alarms = 0
    for _ in range(RUNS):
        hits = rng.binomial(200, 0.4, 3).tolist()
        said = [
            summary(segment=f"a={n}", predictions=PredictionStatistics(count=200, classes={"1": h, "0": 200 - h}))
            for n, h in enumerate(hits)
        ]
        alarms += bool(indicator("demographic_parity_gap", *said).estimate.significant)
    assert alarms / RUNS <= 0.05 + 3 * (0.05 * 0.95 / RUNS) ** 0.5
