"""Each indicator has a figure, its interval and its count, or the reason why there is none."""

import numpy as np
import pytest
from counted import confusion, histogram, indicator, summary

from flyball.schemas.summaries import (
    CalibrationStatistics,
    EvaluationStatistics,
    FeedbackStatistics,
    GuardrailStatistics,
    InteractionStatistics,
    LabelledStatistics,
    MetricStatistics,
    PredictionStatistics,
    SampledInteractions,
)
from flyball.stats.indicators import DEFINITIONS, Absent, Known, Standing, evidence_of, indicators_of
from flyball.stats.indicators.evidence import labels_of

RNG = np.random.default_rng(5)


def test_nothing_at_all_is_no_data_everywhere_and_never_a_figure() -> None:
    found = indicators_of([summary()])
    assert [each.definition for each in found] == list(DEFINITIONS)
    assert {each.estimate.value for each in found} == {Absent.NO_DATA}
    assert {each.standing for each in found} == {Absent.NO_DATA}
    with pytest.raises(ValueError, match="at least one"):
        evidence_of([])


def test_a_little_is_too_little_and_says_how_much() -> None:
    done = InteractionStatistics(count=29, latency_us=histogram([1_000] * 29))
    for name in ("availability", "latency_p95", "human_in_the_loop_rate"):
        estimate = indicator(name, summary(interactions=done)).estimate
        assert (estimate.value, estimate.count) == (Absent.TOO_LITTLE_DATA, 29)


def test_what_summaries_do_not_say_is_unknown_until_somebody_does() -> None:
    done = InteractionStatistics(count=900, unpriced=900)
    said = summary(interactions=done)
    assert indicator("throughput_of_capacity", said).standing is Absent.UNKNOWN
    assert indicator("cost_per_success", said).standing is Absent.UNKNOWN
    known = indicator("throughput_of_capacity", said, known=Known(capacity_per_second=100))
    assert (known.estimate.value, known.standing) == (0.9, Standing.ALERT)


def test_availability_and_error_rate_add_to_one_and_stand_where_the_table_says() -> None:
    done = InteractionStatistics(count=10_000, errors={"timeout": 30}, escalated=900)
    up, down = (indicator(name, summary(interactions=done)) for name in ("availability", "error_rate"))
    assert up.estimate.value == pytest.approx(0.997)
    assert down.estimate.value == pytest.approx(0.003)
    assert up.standing is down.standing is Standing.OFF_TARGET
    assert (up.estimate.lower, up.estimate.upper) == pytest.approx((0.99572, 0.99798), abs=1e-5)
    assert indicator("human_in_the_loop_rate", summary(interactions=done)).standing is Standing.ON_TARGET


def test_interactions_of_a_sample_stand_for_those_that_were_not_told() -> None:
    """All 100 failures of 1,000 interactions were told, and a tenth of the rest: a plain share would say half of it."""
    kept = SampledInteractions(count=90, escalated=9)
    done = InteractionStatistics(count=190, errors={"timeout": 100}, escalated=9, sampled={100_000: kept})
    found = {name: indicator(name, summary(interactions=done)).estimate for name in SHARES}
    values = [found[name].value for name in SHARES]
    assert values == pytest.approx([0.1, 0.9, 0.09])
    assert {each.coverage for each in found.values()} == {0.19}
    rate = found["error_rate"]
    assert rate.lower is not None
    assert rate.upper is not None
    assert rate.lower < 0.1 < rate.upper, "an interval, and wider than that of 1,000 looked at"
    assert rate.upper - rate.lower > 0.038
    used = indicator("throughput_of_capacity", summary(interactions=done), known=Known(capacity_per_second=200))
    assert (used.estimate.value, used.estimate.coverage) == (pytest.approx(0.5), 0.19)
    alike = done.model_copy(update={"sampled": {}})
    assert indicator("error_rate", summary(interactions=alike)).estimate.coverage is None


SHARES = ("error_rate", "availability", "human_in_the_loop_rate")


def test_quantiles_are_within_one_per_cent_of_numpy() -> None:
    latency = RNG.lognormal(13, 1, 20_000).astype(np.int64)
    done = InteractionStatistics(count=latency.size, latency_us=histogram(latency))
    for name, level in (("latency_p95", 0.95), ("latency_p99", 0.99)):
        found = indicator(name, summary(interactions=done)).estimate
        wanted = float(np.quantile(latency, level)) / 1e6
        assert found.value == pytest.approx(wanted, rel=0.01)
        assert found.lower is not None
        assert found.upper is not None
        assert found.lower < wanted < found.upper


def test_sampled_verdicts_are_weighted_and_show_their_coverage() -> None:
    """All failures were looked at and one pass in ten: 100 failures and 900 passes are 90 %, not half."""
    judged = {"metric": "relevance", "evaluator": "judge", "evaluator_version": "1"}
    failures = EvaluationStatistics(**judged, sampling_ppm=1_000_000, count=100, passed=0, failed=100)
    passes = EvaluationStatistics(**judged, sampling_ppm=100_000, count=90, passed=90, failed=0)
    said = summary(interactions=InteractionStatistics(count=1_000), evaluations=(failures, passes))
    found = indicator("relevance", said)
    assert found.estimate.value == pytest.approx(0.9)
    assert (found.estimate.count, found.estimate.coverage) == (190, pytest.approx(0.19))
    assert found.standing is Standing.ON_TARGET


def test_scores_of_quality_are_stars_and_hallucinations_the_failed() -> None:
    scores = histogram([700_000] * 60 + [900_000] * 40)
    judged = {"evaluator": "judge", "evaluator_version": "1", "sampling_ppm": 1_000_000}
    quality = EvaluationStatistics(metric="response-quality", count=100, passed=0, failed=0, score_ppm=scores, **judged)
    invented = EvaluationStatistics(metric="hallucination", count=100, passed=91, failed=9, **judged)
    said = summary(evaluations=(quality, invented))
    assert indicator("response_quality", said).estimate.value == pytest.approx(3.9)
    assert indicator("hallucination", said).estimate.value == pytest.approx(0.09)
    assert indicator("hallucination", said).standing is Standing.ALERT


def test_without_a_positive_class_a_curve_is_unknown_rather_than_upside_down() -> None:
    labelled = LabelledStatistics(
        count=200,
        confusion=confusion(["fraud"] * 100 + ["good"] * 100, ["fraud"] * 90 + ["good"] * 110),
        score_ppm={"fraud": histogram(range(500_000, 600_000, 1_000)), "good": histogram(range(0, 100_000, 1_000))},
    )
    said = summary(labelled=labelled)
    assert indicator("area_under_curve", said).standing is Absent.UNKNOWN
    fraud = indicator("area_under_curve", said, known=Known(positive_class="fraud")).estimate
    assert fraud.value == 1.0
    assert fraud.lower is not None
    assert 0.95 < fraud.lower < 1
    assert indicator("precision", said).estimate.value == pytest.approx((1 + 100 / 110) / 2)
    assert indicator("recall", said, known=Known(positive_class="fraud")).estimate.value == pytest.approx(0.9)


def test_gaps_between_segments_are_told_from_chance() -> None:
    def segment(name: str, positives: int) -> object:
        return summary(
            segment=name, predictions=PredictionStatistics(count=400, classes={"1": positives, "0": 400 - positives})
        )

    alike = [segment("market=de,plan=a", 200), segment("market=fr,plan=a", 204)]
    unlike = [*alike, segment("market=it,plan=b", 120)]
    assert indicator("demographic_parity_gap", *alike).standing is Standing.ON_TARGET
    found = indicator("demographic_parity_gap", *unlike)
    assert found.estimate.value == pytest.approx(0.21)
    assert (found.estimate.significant, found.standing) == (True, Standing.ALERT)
    by_plan = indicator("demographic_parity_gap", *unlike, known=Known(fairness_label="plan"))
    assert by_plan.estimate.value == pytest.approx(404 / 800 - 0.3)


def test_labels_are_read_as_telemetry_ingest_writes_them() -> None:
    assert labels_of(r"a=b\,c\=d,e=\\f") == {"a": "b,c=d", "e": r"\f"}


def test_costs_value_and_ratings() -> None:
    done = InteractionStatistics(
        count=200,
        errors={"timeout": 100},
        cost_micro_usd=histogram([20_000] * 200),
        business_value_micro_usd=12_000_000,
    )
    feedback = FeedbackStatistics(count=50, ratings={5: 25, 3: 25})
    said = summary(interactions=done, feedback=feedback)
    assert indicator("cost_per_success", said).estimate.value == pytest.approx(0.04)
    assert indicator("return_on_investment", said).estimate.value == pytest.approx(2.0)
    rating = indicator("user_rating", said).estimate
    assert (rating.value, rating.coverage) == (4.0, 0.25)
    assert (rating.lower, rating.upper) == pytest.approx((3.713, 4.287), abs=1e-3)


def test_samples_are_found_by_the_word_in_their_name() -> None:
    def metric(name: str, layer: str, values: list[int]) -> MetricStatistics:
        counted = histogram(values)
        return MetricStatistics(
            metric=name,
            unit="%",
            layer=layer,
            count=counted.count,
            total_micro=counted.total,
            minimum_micro=min(values),
            maximum_micro=max(values),
            bins=counted.bins,
        )

    busy = metric("system.cpu.utilization", "infrastructure", [1_000_000 * (n % 100) for n in range(400)])
    bought = metric("conversion", "business", [0] * 90 + [1_000_000] * 10)
    said = summary(metrics=(busy, bought, metric("revenue", "business", [2_500_000, 500_000])))
    assert indicator("cpu", said).estimate.value == pytest.approx(94, rel=0.01)
    assert indicator("conversion", said).estimate.value == pytest.approx(0.1)
    assert indicator("revenue", said).estimate.value == pytest.approx(3.0)
    assert indicator("memory", said).estimate.value is Absent.NO_DATA
    two = summary(metrics=(busy, metric("host_cpu", "infrastructure", [1])))
    assert indicator("cpu", two).estimate.value is Absent.UNKNOWN


def test_guardrails_and_calibration() -> None:
    rule = GuardrailStatistics(rule="jailbreak", kind="jailbreak", malicious_blocked=998, malicious_passed=2)
    stated = RNG.uniform(0.5, 1, 20_000)
    right = RNG.uniform(size=stated.size) < stated - 0.1
    judged = CalibrationStatistics(
        judge="truth", right_ppm=histogram(stated[right] * 1e6), wrong_ppm=histogram(stated[~right] * 1e6)
    )
    said = summary(guardrails=(rule,), calibration=(judged,))
    assert indicator("guardrail_block_rate", said).standing is Standing.OFF_TARGET
    error = indicator("calibration_error", said).estimate
    assert error.value == pytest.approx(0.1, abs=0.015)
    assert error.lower is not None
    assert error.upper is not None
    assert error.lower < 0.1 < error.upper
