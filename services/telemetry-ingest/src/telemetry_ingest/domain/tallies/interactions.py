"""Requests and their answers: outcomes, times, tokens, money. Counted by column, for all buckets of a batch at once."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from operator import attrgetter
from typing import Any

import numpy as np

from flyball.schemas.native import OUTCOME_OK
from flyball.schemas.plain import InteractionCompleted
from flyball.schemas.summaries import InteractionStatistics, SampledInteractions
from telemetry_ingest.domain.columns import column, count, histograms, totals
from telemetry_ingest.domain.tallies.histograms import MILLION, frozen

HISTOGRAMS = {
    "latency_us": ("latency_ms", 1_000),
    "time_to_first_token_us": ("time_to_first_token_ms", 1_000),
    "input_tokens": ("input_tokens", 1),
    "output_tokens": ("output_tokens", 1),
    "confidence_ppm": ("confidence", MILLION),
    "cost_micro_usd": ("cost_micro_usd", 1),
}
"""Field of the event and what it is multiplied by, by field of the summary."""
SUMS = ("cached_input_tokens", "reasoning_tokens", "business_value_micro_usd")
FLAGS = ("escalated", "autonomous")
TEXTS = ("outcome", "provider", "model")
FIELDS = (*(source for source, _ in HISTOGRAMS.values()), *SUMS, *FLAGS, *TEXTS, "sampling_rate")
_values_of = attrgetter(*FIELDS)
UNKNOWN = "unknown"
MODEL_CHARACTERS_MAX = 256


def count_interactions(
    places: Sequence[int], events: Sequence[InteractionCompleted], size: int
) -> list[InteractionStatistics]:
    """The statistics of each of ``size`` buckets; ``places`` tells which bucket each event belongs to."""
    cells = dict(zip(FIELDS, zip(*map(_values_of, events), strict=True), strict=True))
    groups = np.array(places, dtype=np.int64)
    parts: list[dict[str, Any]] = [dict[str, Any](count=rows) for rows in count(groups, size)]
    for name, (source, scale) in HISTOGRAMS.items():
        _add(parts, name, frozen(histograms(column(groups, cells[source], scale), size)))
    for name in SUMS:
        _add(parts, name, totals(column(groups, cells[name]), size) if any(cells[name]) else [0] * size)
    for name in FLAGS:
        _add(parts, name, count(groups[np.array(cells[name], dtype=bool)], size))
    _add(parts, "errors", _errors(places, cells["outcome"], size))
    _add(parts, "cost_micro_usd_by_model", _costs(places, cells, size))
    _add(parts, "sampled", _sampled(places, cells, size))
    for part in parts:
        part["unpriced"] = part["count"] - part["cost_micro_usd"].count
    return [InteractionStatistics.model_construct(**part) for part in parts]


def _add(parts: Sequence[dict[str, Any]], name: str, values: Iterable[Any]) -> None:
    for part, value in zip(parts, values, strict=True):
        part[name] = value


def _errors(places: Sequence[int], outcomes: Sequence[str], size: int) -> Iterable[dict[str, int]]:
    failed = Counter((place, outcome) for place, outcome in zip(places, outcomes, strict=True) if outcome != OUTCOME_OK)
    return by_place(failed, size)


def _costs(places: Sequence[int], cells: Mapping[str, Sequence[Any]], size: int) -> Iterable[dict[str, int]]:
    costs: dict[tuple[int, str | None, str | None], int] = {}
    known: Callable[[tuple[int, str | None, str | None], int], int] = costs.get
    for place, provider, model, cost in zip(
        places, cells["provider"], cells["model"], cells["cost_micro_usd"], strict=True
    ):
        if cost is not None:
            key = place, provider, model
            costs[key] = known(key, 0) + cost
    named: Counter[tuple[int, str]] = Counter()
    for (place, provider, model), cost in costs.items():
        named[place, f"{provider or UNKNOWN}/{model or UNKNOWN}"[:MODEL_CHARACTERS_MAX]] += cost
    return by_place(named, size)


def _sampled(
    places: Sequence[int], cells: Mapping[str, Sequence[Any]], size: int
) -> Sequence[dict[int, SampledInteractions]]:
    """Hardly any system samples."""
    rates: Sequence[float | None] = cells["sampling_rate"]
    found: list[dict[int, SampledInteractions]] = [{} for _ in range(size)]
    if rates.count(None) == len(rates):
        return found
    counts: dict[tuple[int, int], list[int]] = {}
    for place, rate, outcome, escalated in zip(places, rates, cells["outcome"], cells["escalated"], strict=True):
        ppm = MILLION if rate is None else round(rate * MILLION)
        if ppm < MILLION:
            sums = counts.setdefault((place, ppm), [0, 0, 0])
            sums[0] += 1
            sums[1] += outcome != OUTCOME_OK
            sums[2] += escalated is True
    for (place, ppm), (told, failed, escalations) in sorted(counts.items()):
        found[place][ppm] = SampledInteractions.model_construct(count=told, failed=failed, escalated=escalations)
    return found


def by_place(counts: Mapping[tuple[int, str], int], size: int) -> list[dict[str, int]]:
    """Counts by (bucket, name) as one mapping for each bucket, in order of name."""
    found: list[dict[str, int]] = [{} for _ in range(size)]
    for (place, name), number in sorted(counts.items()):
        found[place][name] = number
    return found
