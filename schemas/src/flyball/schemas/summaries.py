"""``telemetry.summaries.v1``: additive statistics of one system, release, segment and ten-second bucket.

Every number is an integer and every field adds, so that any split, order or grouping of the events merges to the
same bytes. One record is the *delta* of one batch of raw events; a reader adds it once, by its id.
"""

from pydantic import Field

from flyball.schemas.base import Count, Event, Name, ShortText, Text, UtcTime
from flyball.schemas.native import Release

BUCKET_SECONDS = 10


class Histogram(Event):
    """Counts by decimal bin (``flyball.stats.decimal_bins``), with the exact count and sum of the values."""

    count: Count = 0
    total: Count = 0
    bins: dict[int, Count] = {}


class SampledInteractions(Event):
    """Interactions that had the same chance of being told: each stands for as many as that is below one."""

    count: Count = 0
    failed: Count = 0
    escalated: Count = 0


class InteractionStatistics(Event):
    """Latencies in microseconds, cost and value in micro-dollars, confidence in millionths."""

    count: Count = 0
    errors: dict[ShortText, Count] = {}
    escalated: Count = 0
    autonomous: Count = 0
    latency_us: Histogram = Histogram()
    time_to_first_token_us: Histogram = Histogram()
    input_tokens: Histogram = Histogram()
    output_tokens: Histogram = Histogram()
    cached_input_tokens: Count = 0
    reasoning_tokens: Count = 0
    confidence_ppm: Histogram = Histogram()
    cost_micro_usd: Histogram = Histogram()
    cost_micro_usd_by_model: dict[Text, Count] = {}
    unpriced: Count = 0
    business_value_micro_usd: Count = 0
    sampled: dict[int, SampledInteractions] = {}
    """Those of ``count`` that are a sample, by their chance in millionths, below 1,000,000."""


class EvaluationStatistics(Event):
    """Judgements of one metric by one version of one evaluator at one sampling rate (parts per million)."""

    metric: Name
    evaluator: ShortText
    evaluator_version: ShortText
    sampling_ppm: int = Field(ge=1, le=1_000_000)
    count: Count
    passed: Count
    failed: Count
    score_ppm: Histogram = Histogram()


class GuardrailStatistics(Event):
    """Attempts against one rule by what they were known to be and what became of them."""

    rule: Name
    kind: Name
    malicious_blocked: Count = 0
    malicious_passed: Count = 0
    benign_blocked: Count = 0
    benign_passed: Count = 0
    unknown_blocked: Count = 0
    unknown_passed: Count = 0


class PredictionStatistics(Event):
    """Predictions by class (values that are not classes count under none) and their scores in millionths."""

    count: Count = 0
    classes: dict[Text, Count] = {}
    score_ppm: Histogram = Histogram()


class LabelledStatistics(Event):
    """Predictions and interactions whose truth came to be known, in the bucket in which they were made."""

    count: Count = 0
    confusion: dict[Text, dict[Text, Count]] = {}
    """By true class, then by predicted class."""
    score_ppm: dict[Text, Histogram] = {}
    """Scores in millionths by true class: what a curve of true and false positives is made of."""
    absolute_error_micro: Histogram = Histogram()
    """Of predicted values, in millionths of their unit."""
    succeeded: Count = 0
    failed: Count = 0


class CalibrationStatistics(Event):
    """How sure a system was, in millionths, of what ``judge`` (a metric, or ``truth``) found right or wrong."""

    judge: Name
    right_ppm: Histogram = Histogram()
    wrong_ppm: Histogram = Histogram()


class FeedbackStatistics(Event):
    """What users said. The sum of the ratings is that of value times count."""

    count: Count = 0
    ratings: dict[int, Count] = {}
    thumbs_up: Count = 0
    thumbs_down: Count = 0
    complaints: Count = 0


class ActionStatistics(Event):
    """Actions by how they ended."""

    executed: Count = 0
    failed: dict[Text, Count] = {}
    """By result; one without is ``unknown``."""


class MetricStatistics(Event):
    """Samples of one metric in millionths of ``unit``; negative ones have bins of their own, by their magnitude."""

    metric: Name
    unit: ShortText
    layer: ShortText
    count: Count
    total_micro: int
    minimum_micro: int
    maximum_micro: int
    bins: dict[int, Count] = {}
    negative_bins: dict[int, Count] = {}


class ExpectationCounts(Event):
    """How one field fared against what its system's spec expects of it."""

    rows: Count = 0
    nulls: Count = 0
    broken: Count = 0
    """Of the wrong type, outside of the range or the set. A null breaks only where the field is required."""


class JoinStatistics(Event):
    """What came to be joined, when it came. Over all buckets, what has found no partner is received less joined."""

    outcomes_received: Count = 0
    evaluations_received: Count = 0
    feedback_received: Count = 0
    joined: Count = 0
    """In the bucket of what was judged: the judgement may have been received in another one. All that found their
    partner, later outcomes of the same prediction too, which ``labelled`` does not count."""
    overflowed: Count = 0
    """Predictions and interactions that were not kept for a partner, for want of room."""


class NumericFeatureCounts(Event):
    """Rows of one numeric feature by bin of its reference. Missing values are nulls, texts are unparsable."""

    bins: dict[int, Count] = {}
    nulls: Count = 0
    unparsable: Count = 0
    out_of_range: Count = 0
    """Beyond the reference's smallest or largest value; such a row is in an outer bin as well."""
    magnitudes: dict[int, Count] = {}
    """By signed power of two (``flyball.stats.magnitudes``): how far beyond, and the same on every reference."""


class CategoryFeatureCounts(Event):
    """Rows of one category by the values that its reference knows. Missing values are nulls, numbers unparsable."""

    known: dict[Text, Count] = {}
    new: Count = 0
    nulls: Count = 0
    unparsable: Count = 0


class FeatureValues(Event):
    """The values themselves, while there is no reference to count them on. Missing ones are the rest of the rows."""

    numbers: dict[float, Count] = {}
    texts: dict[ShortText, Count] = {}


class FeatureStatistics(Event):
    """Features of predictions on one version of the reference (0 before the first); if it has none, their values."""

    reference_version: Count
    rows: Count
    numeric: dict[ShortText, NumericFeatureCounts] = {}
    categorical: dict[ShortText, CategoryFeatureCounts] = {}
    values: dict[ShortText, FeatureValues] = {}


class MeasurementStatistics(Event):
    """How the events themselves fared: published = counted + duplicates + rejected. Late ones are among the counted."""

    counted: Count = 0
    duplicates: Count = 0
    rejected: dict[ShortText, Count] = {}
    late: Count = 0
    suspect: Count = 0
    """Counted while the system's feed was quarantined."""
    other_labels: Count = 0
    """Values of labels beyond those that are told apart; they stand as ``other`` in the segment."""
    expectations: dict[Text, ExpectationCounts] = {}
    """By field, for example ``latency_ms`` or ``features.amount``."""


class TelemetrySummary(Event):
    """The delta that one batch adds to one bucket. A batch with very many distinct values adds several."""

    tenant: Name
    system: Name
    release: Release | None
    """None where no release could be read: rejected records and duplicates are counted so."""
    segment: Text | None
    bucket_start: UtcTime
    event_time_max: UtcTime
    interactions: InteractionStatistics = InteractionStatistics()
    evaluations: tuple[EvaluationStatistics, ...] = ()
    guardrails: tuple[GuardrailStatistics, ...] = ()
    predictions: PredictionStatistics = PredictionStatistics()
    features: tuple[FeatureStatistics, ...] = ()
    """One for each version of the reference, in their order."""
    labelled: LabelledStatistics = LabelledStatistics()
    calibration: tuple[CalibrationStatistics, ...] = ()
    feedback: FeedbackStatistics = FeedbackStatistics()
    actions: ActionStatistics = ActionStatistics()
    metrics: tuple[MetricStatistics, ...] = ()
    joins: JoinStatistics = JoinStatistics()
    judged_evaluations: tuple[EvaluationStatistics, ...] = ()
    """Those that named no segment, under that of the interaction they judged. They count in ``evaluations`` as well."""
    judged_feedback: FeedbackStatistics = FeedbackStatistics()
    """The same of ``feedback``; and what named no release, under that of the interaction."""
    releases_deployed: Count = 0
    measurement: MeasurementStatistics = MeasurementStatistics()
