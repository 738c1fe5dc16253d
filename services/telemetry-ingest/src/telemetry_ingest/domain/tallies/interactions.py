"""Requests and their answers: outcomes, times, tokens, money."""

from collections import Counter
from dataclasses import dataclass, field

from flyball.schemas.native import OUTCOME_OK, InteractionCompleted
from flyball.schemas.summaries import InteractionStatistics
from telemetry_ingest.domain.tallies.histograms import MILLION, HistogramTally


@dataclass(slots=True)
class InteractionTally:
    count: int = 0
    errors: Counter[str] = field(default_factory=Counter)
    escalated: int = 0
    autonomous: int = 0
    latency_us: HistogramTally = field(default_factory=HistogramTally)
    time_to_first_token_us: HistogramTally = field(default_factory=HistogramTally)
    input_tokens: HistogramTally = field(default_factory=HistogramTally)
    output_tokens: HistogramTally = field(default_factory=HistogramTally)
    cached_input_tokens: int = 0
    reasoning_tokens: int = 0
    confidence_ppm: HistogramTally = field(default_factory=HistogramTally)
    cost_micro_usd: HistogramTally = field(default_factory=HistogramTally)
    cost_by_model: Counter[str] = field(default_factory=Counter)
    unpriced: int = 0
    business_value_micro_usd: int = 0

    def add(self, event: InteractionCompleted) -> None:
        self.count += 1
        if event.outcome != OUTCOME_OK:
            self.errors[event.outcome] += 1
        self.escalated += event.escalated
        self.autonomous += event.autonomous is True
        self.latency_us.add(round(event.latency_ms * 1000))
        if event.time_to_first_token_ms is not None:
            self.time_to_first_token_us.add(round(event.time_to_first_token_ms * 1000))
        if event.confidence is not None:
            self.confidence_ppm.add(round(event.confidence * MILLION))
        self.business_value_micro_usd += event.business_value_micro_usd or 0
        self._add_tokens(event)
        self._add_cost(event)

    def _add_tokens(self, event: InteractionCompleted) -> None:
        if event.input_tokens is not None:
            self.input_tokens.add(event.input_tokens)
        if event.output_tokens is not None:
            self.output_tokens.add(event.output_tokens)
        self.cached_input_tokens += event.cached_input_tokens or 0
        self.reasoning_tokens += event.reasoning_tokens or 0

    def _add_cost(self, event: InteractionCompleted) -> None:
        if event.cost_micro_usd is None:
            self.unpriced += 1
            return
        self.cost_micro_usd.add(event.cost_micro_usd)
        model = f"{event.provider or 'unknown'}/{event.model or 'unknown'}"[:256]
        self.cost_by_model[model] += event.cost_micro_usd

    def freeze(self) -> InteractionStatistics:
        return InteractionStatistics.model_construct(
            count=self.count,
            errors=dict(sorted(self.errors.items())),
            escalated=self.escalated,
            autonomous=self.autonomous,
            latency_us=self.latency_us.freeze(),
            time_to_first_token_us=self.time_to_first_token_us.freeze(),
            input_tokens=self.input_tokens.freeze(),
            output_tokens=self.output_tokens.freeze(),
            cached_input_tokens=self.cached_input_tokens,
            reasoning_tokens=self.reasoning_tokens,
            confidence_ppm=self.confidence_ppm.freeze(),
            cost_micro_usd=self.cost_micro_usd.freeze(),
            cost_micro_usd_by_model=dict(sorted(self.cost_by_model.items())),
            unpriced=self.unpriced,
            business_value_micro_usd=self.business_value_micro_usd,
        )
