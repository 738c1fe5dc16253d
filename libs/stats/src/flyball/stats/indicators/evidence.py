"""Summaries of one system, as the indicators need them."""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from flyball.schemas.summaries import BUCKET_SECONDS, TelemetrySummary
from flyball.stats.indicators.sampling import weight_of
from flyball.stats.merging import total

_COMMA, _EQUALS = re.compile(r"(?<!\\),"), re.compile(r"(?<!\\)=")


@dataclass(frozen=True, slots=True)
class Evidence:
    """All that was counted, by segment too, and the most interactions per second of any bucket, weighted by 1/p."""

    total: TelemetrySummary
    by_segment: Mapping[str, TelemetrySummary]
    peak_per_second: float

    def groups(self, label: str | None) -> Mapping[str, TelemetrySummary]:
        """What is compared: whole segments, or all segments with the same value of ``label``."""
        if label is None:
            return self.by_segment
        found: dict[str, list[TelemetrySummary]] = {}
        for segment, summary in self.by_segment.items():
            value = labels_of(segment).get(label)
            if value is not None:
                found.setdefault(value, []).append(summary)
        return {value: total(held) for value, held in sorted(found.items())}


def evidence_of(summaries: Iterable[TelemetrySummary]) -> Evidence:
    """Any deltas of one system, in any order. Raises ``ValueError`` for none, or for those of several systems."""
    held = list(summaries)
    by_segment: dict[str, list[TelemetrySummary]] = {}
    by_bucket: defaultdict[object, float] = defaultdict(float)
    for summary in held:
        if summary.segment is not None:
            by_segment.setdefault(summary.segment, []).append(summary)
        by_bucket[summary.bucket_start] += weight_of(summary.interactions)
    return Evidence(
        total(held),
        {segment: total(parts) for segment, parts in sorted(by_segment.items())},
        max(by_bucket.values()) / BUCKET_SECONDS,
    )


def labels_of(segment: str) -> Mapping[str, str]:
    """``market=de,plan=pro`` as its labels; a backslash before a comma, an equals sign or itself takes them as text."""
    pairs = [_EQUALS.split(part, maxsplit=1) for part in _COMMA.split(segment)]
    return {_unescaped(pair[0]): _unescaped(pair[1]) for pair in pairs if len(pair) > 1}


def _unescaped(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text)
