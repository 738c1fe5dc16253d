"""Blocks of concurrent traffic: both arms in the same range of event time, closed by the time of later events.

A block's position is its event time over its length, and a record closes every block that ended ``lateness_seconds``
before the events that it sums. Both are functions of the records alone, so no batching changes a block. Were blocks
closed by append time, telemetry that lags by more than a block and ``lateness_seconds`` would be late for ever: nobody
would judge the candidate, just when the platform is under load.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from flyball.schemas.rollouts import RolloutPolicy
from flyball.schemas.summaries import TelemetrySummary

NOTHING_CLOSED = -1


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """What one arm did. Counts add; latency stays by bins until the threshold of its block is known."""

    interactions: int = 0
    errors: int = 0
    latency_bins: Mapping[int, int] = field(default_factory=dict)
    quality_bad: int = 0
    quality_count: int = 0
    safety_bad: int = 0
    safety_count: int = 0
    suspect: int = 0
    """Events that came while the system's feed was in quarantine."""

    def plus(self, other: "Counts") -> "Counts":
        bins = dict(self.latency_bins)
        for index, count in other.latency_bins.items():
            bins[index] = bins.get(index, 0) + count
        return Counts(
            interactions=self.interactions + other.interactions,
            errors=self.errors + other.errors,
            latency_bins=bins,
            quality_bad=self.quality_bad + other.quality_bad,
            quality_count=self.quality_count + other.quality_count,
            safety_bad=self.safety_bad + other.safety_bad,
            safety_count=self.safety_count + other.safety_count,
            suspect=self.suspect + other.suspect,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Observed:
    """One summary, as far as a rollout is concerned."""

    recorded_at: datetime
    bucket_start: datetime
    release: str
    counts: Counts


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """A range of event time that is over. An arm without traffic has empty counts."""

    position: int
    baseline: Counts = field(default_factory=Counts)
    candidate: Counts = field(default_factory=Counts)

    @property
    def is_suspect(self) -> bool:
        return self.baseline.suspect + self.candidate.suspect > 0

    def starts_at(self, policy: RolloutPolicy) -> datetime:
        return datetime.fromtimestamp(self.position * policy.block_seconds, UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Gathering:
    """Blocks that are still open, how far time has come, and what came too late."""

    watermark: datetime | None = None
    """How far events of the system have come: the newest bucket, but no clock runs ahead of its append time."""
    heard_at: datetime | None = None
    """The newest append time of any record of the system."""
    open_blocks: Mapping[int, Block] = field(default_factory=dict)
    closed_to: int = NOTHING_CLOSED
    late_interactions: int = 0


def observed(summary: TelemetrySummary, recorded_at: datetime, quality_metric: str) -> Observed | None:
    """What the summary says of its release; None when it belongs to no release."""
    if summary.release is None:
        return None
    judged = [item for item in summary.evaluations if item.metric == quality_metric]
    failed = sum(item.failed for item in judged)
    through = sum(rule.malicious_passed for rule in summary.guardrails)
    counts = Counts(
        interactions=summary.interactions.count,
        errors=sum(summary.interactions.errors.values()),
        latency_bins=dict(summary.interactions.latency_us.bins),
        quality_bad=failed,
        quality_count=failed + sum(item.passed for item in judged),
        safety_bad=through,
        safety_count=through + sum(rule.malicious_blocked for rule in summary.guardrails),
        suspect=summary.measurement.suspect,
    )
    return Observed(recorded_at=recorded_at, bucket_start=summary.bucket_start, release=summary.release, counts=counts)


def gather(
    gathering: Gathering, seen: Observed, baseline: str, candidate: str, policy: RolloutPolicy
) -> tuple[Gathering, tuple[Block, ...]]:
    """Add one summary; return the blocks that it closes, oldest first. What comes for a closed block is late."""
    gathering, closed = _closed_by(gathering, seen, policy)
    if seen.release not in {baseline, candidate}:
        return gathering, closed
    position = int(seen.bucket_start.timestamp()) // policy.block_seconds
    if position <= gathering.closed_to:
        late = gathering.late_interactions + seen.counts.interactions
        return replace(gathering, late_interactions=late), closed
    block = gathering.open_blocks.get(position, Block(position=position))
    if seen.release == candidate:
        block = replace(block, candidate=block.candidate.plus(seen.counts))
    else:
        block = replace(block, baseline=block.baseline.plus(seen.counts))
    return replace(gathering, open_blocks={**gathering.open_blocks, position: block}), closed


def _closed_by(gathering: Gathering, seen: Observed, policy: RolloutPolicy) -> tuple[Gathering, tuple[Block, ...]]:
    come_to = min(seen.bucket_start, seen.recorded_at)
    watermark = max(come_to, gathering.watermark or come_to)
    over = watermark - timedelta(seconds=policy.lateness_seconds)
    closed_to = max(gathering.closed_to, int(over.timestamp()) // policy.block_seconds - 1)
    return replace(
        gathering,
        watermark=watermark,
        heard_at=max(seen.recorded_at, gathering.heard_at or seen.recorded_at),
        open_blocks={at: block for at, block in gathering.open_blocks.items() if at > closed_to},
        closed_to=closed_to,
    ), tuple(block for at, block in sorted(gathering.open_blocks.items()) if at <= closed_to)
