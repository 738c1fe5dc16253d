"""Is the old release really back? Seen on every replica and in the telemetry's own release tags, or it is not."""

from dataclasses import replace
from datetime import datetime, timedelta

from flyball.schemas.rollouts import RolloutPolicy
from flyball.schemas.summaries import BUCKET_SECONDS
from rollback_executor.domain.blocks import Observed
from rollback_executor.domain.facts import Decision
from rollback_executor.domain.inputs import Receipt, Replicas, Tick
from rollback_executor.domain.moves import rollback_failed, rolled_back, verifying
from rollback_executor.domain.rollout import ROLLING_BACK, Rollout, Verification

BUCKET = timedelta(seconds=BUCKET_SECONDS)
MS_PER_SECOND = 1_000


def on_receipt(rollout: Rollout, receipt: Receipt, policy: RolloutPolicy) -> Decision:
    """The target was told. An unknown outcome may have worked: what is seen decides, not what was answered."""
    if receipt.outcome == "refused":
        return rollback_failed(rollout, policy, f"the target refused: {receipt.detail}", receipt.at)
    seen = _of(rollout)
    if seen.told_at is None:
        seen = replace(seen, told_at=receipt.at, alone_since=_next_bucket(receipt.at), alone_count=0)
    rollout = replace(rollout, verification=seen)
    if rollout.step == ROLLING_BACK:
        return verifying(rollout, policy, f"the target was told ({receipt.outcome}): {receipt.detail}", receipt.at)
    return rollout, ()


def on_replicas(rollout: Rollout, replicas: Replicas, policy: RolloutPolicy) -> Decision:
    seen = replace(_of(rollout), replicas=dict(replicas.versions))
    return _conclude(replace(rollout, verification=seen), policy, replicas.at)


def on_observed(rollout: Rollout, observed: Observed, policy: RolloutPolicy) -> Decision:
    """Count the restored release; any other one, in a bucket that began after the target was told, starts it anew."""
    seen = _of(rollout)
    if seen.alone_since is None or not observed.counts.interactions or observed.bucket_start < seen.alone_since:
        return _conclude(rollout, policy, observed.recorded_at)
    if observed.release == rollout.restore.stable:
        seen = replace(seen, alone_count=seen.alone_count + observed.counts.interactions)
    else:
        seen = replace(seen, alone_since=observed.bucket_start + BUCKET, alone_count=0)
    return _conclude(replace(rollout, verification=seen), policy, observed.recorded_at)


def on_tick(rollout: Rollout, tick: Tick, policy: RolloutPolicy) -> Decision:
    seen = _of(rollout)
    seen = replace(seen, waited_ms=seen.waited_ms + tick.elapsed_ms)
    rollout = replace(rollout, verification=seen)
    if seen.waited_ms < policy.verify_seconds_max * MS_PER_SECOND:
        return rollout, ()
    return rollback_failed(rollout, policy, f"unproven: {_unproven(rollout, policy)}", tick.at)


def _conclude(rollout: Rollout, policy: RolloutPolicy, at: datetime) -> Decision:
    seen = _of(rollout)
    if seen.told_at is None or _unproven(rollout, policy):
        return rollout, ()
    reason = (
        f"{rollout.restore.stable} on {len(seen.replicas)} of {len(seen.replicas)} replicas, and alone in telemetry"
    )
    return rolled_back(rollout, policy, f"{reason} with {seen.alone_count} interactions", at)


def _unproven(rollout: Rollout, policy: RolloutPolicy) -> str:
    """What is not proven, in words; empty when everything is."""
    seen, wanted = _of(rollout), rollout.restore.stable
    right = [name for name, version in seen.replicas.items() if version == wanted]
    lacks = []
    if not seen.replicas or len(right) < len(seen.replicas):
        lacks.append(f"{wanted} runs on {len(right)} of {len(seen.replicas)} replicas")
    if seen.told_at is None:
        lacks.append("the target has not answered")
    elif not _is_alone(rollout, policy):
        lacks.append(f"telemetry does not show {wanted} alone")
    return "; ".join(lacks)


def _is_alone(rollout: Rollout, policy: RolloutPolicy) -> bool:
    seen, watermark = _of(rollout), rollout.gathering.watermark
    if seen.alone_since is None or watermark is None or seen.alone_count < policy.verify_interactions_min:
        return False
    return watermark >= seen.alone_since + timedelta(seconds=policy.verify_alone_seconds + policy.lateness_seconds)


def _of(rollout: Rollout) -> Verification:
    return rollout.verification or Verification()


def _next_bucket(moment: datetime) -> datetime:
    """The first bucket that began after this moment: one that it lies in may hold traffic from before."""
    whole = int(moment.timestamp()) // BUCKET_SECONDS * BUCKET_SECONDS
    return datetime.fromtimestamp(whole + BUCKET_SECONDS, moment.tzinfo)
