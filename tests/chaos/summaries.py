"""The summaries on the topic, added up once each by their ids."""

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from confluent_kafka import Message

from tests.chaos.broker import header
from tests.chaos.recount import Bucket

KEYS = ("tenant", "system", "release", "segment", "bucket_start", "event_time_max")
NAMED_BY = {
    "evaluations": ("metric", "evaluator", "evaluator_version", "sampling_ppm"),
    "guardrails": ("rule", "kind"),
    "features": ("reference_version",),
}


@dataclass(slots=True)
class Summaries:
    """Sums by bucket, and how the records themselves fared."""

    buckets: defaultdict[Bucket, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    ids: dict[str, bytes] = field(default_factory=dict)
    records: int = 0
    differing_copies: list[str] = field(default_factory=list)


def add_up(messages: Iterable[Message]) -> Summaries:
    """A record whose id was seen adds nothing; it must be the same to the byte."""
    found = Summaries()
    for message in messages:
        found.records += 1
        identity, body = header(message, "ce_id"), message.value()
        if identity in found.ids:
            if found.ids[identity] != body:
                found.differing_copies.append(identity)
            continue
        found.ids[identity] = body
        summary = json.loads(body)
        found.buckets[_bucket(summary)].update(dict(_flat(summary)))
    return found


def _bucket(summary: Mapping[str, Any]) -> Bucket:
    start = int(datetime.fromisoformat(summary["bucket_start"]).timestamp())
    return summary["system"], summary["release"], summary["segment"], start


def _flat(summary: Mapping[str, Any]) -> Iterable[tuple[str, int]]:
    for name, value in summary.items():
        if name in NAMED_BY:
            for part in value:
                label = "|".join(str(part[key]) for key in NAMED_BY[name])
                yield from _numbers(f"{name}.{label}", {k: v for k, v in part.items() if k not in NAMED_BY[name]})
        elif name not in KEYS:
            yield from _numbers(name, value)


def _numbers(path: str, value: Any) -> Iterable[tuple[str, int]]:
    """The whole numbers beneath a path, without zeros; bins are checked by what the ledger makes of them."""
    if isinstance(value, dict):
        for name, part in value.items():
            if name != "bins":
                yield from _numbers(f"{path}.{name}", part)
    elif value:
        yield path, value
