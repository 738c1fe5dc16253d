"""A rollout judged at one look: data and shares, then harm, then no harm, then the next step. In this order."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from flyball.schemas.rollouts import RolloutPolicy
from rollback_executor.domain.evidence import MetricEvidence, harm_threshold, is_finite, shows_harm, shows_no_harm
from rollback_executor.domain.facts import Decision, changed, sample_ratio
from rollback_executor.domain.moves import advance, held_back, roll_back_by_itself, wait_for_a_person
from rollback_executor.domain.rollout import BAKE, HELD, PAUSED, STAGES, Rollout


def judge(rollout: Rollout, policy: RolloutPolicy, at: datetime, *, with_new_block: bool) -> Decision:
    """One look at an exposed rollout. Only a new block can find harm or advance it."""
    is_stage = rollout.step in STAGES
    if (trouble := _unusable(rollout, policy, at)) is not None:
        return _hold(rollout, policy, trouble, at) if is_stage else (rollout, ())
    if with_new_block and (decision := _harm(rollout, policy, at)) is not None:
        return decision
    if not is_stage:
        return rollout, ()
    if (trouble := next(_unready(rollout, policy, at), None)) is not None:
        return _hold(rollout, policy, trouble, at)
    if rollout.hold is not None:
        return changed(replace(rollout, hold=None), policy, "what held it back is over", at)
    return _progress(rollout, policy, at) if with_new_block else (rollout, ())


def is_stale(rollout: Rollout, policy: RolloutPolicy, at: datetime) -> bool:
    begun = rollout.stage.applied_at or rollout.opened_at
    newest = max(begun, rollout.gathering.heard_at or begun)
    return (at - newest).total_seconds() > policy.fresh_seconds_max


def _unusable(rollout: Rollout, policy: RolloutPolicy, at: datetime) -> str | None:
    """Why nothing may be concluded from the data, not even harm."""
    if is_stale(rollout, policy, at):
        return f"no telemetry of {rollout.system} for more than {policy.fresh_seconds_max} s"
    if rollout.stage.is_suspect:
        return f"the feed of {rollout.system} is in quarantine; see flyball feeds list"
    ratio = sample_ratio(rollout, policy)
    if ratio is not None and ratio.log_e_value >= ratio.log_threshold:
        total = ratio.candidate_count + ratio.baseline_count
        planned = f"{ratio.planned_basis_points / 100:g} %"
        return f"traffic is not split as planned: {ratio.candidate_count} of {total} interactions at {planned}"
    return None


def _unready(rollout: Rollout, policy: RolloutPolicy, at: datetime) -> Iterator[str]:
    """Why it may not advance although the data are sound."""
    applied_at = rollout.stage.applied_at
    if applied_at is None:
        yield "the target has not confirmed the share"
    elif rollout.step != BAKE:
        yield from _missing(rollout, policy, applied_at, at)


def _missing(rollout: Rollout, policy: RolloutPolicy, applied_at: datetime, at: datetime) -> Iterator[str]:
    """Required metrics that neither arm, or only one, had for too long."""
    grace = timedelta(seconds=policy.fresh_seconds_max + policy.block_seconds + policy.lateness_seconds)
    for metric in policy.required_metrics:
        evidence = rollout.evidence.metrics[metric]
        seen = applied_at + timedelta(seconds=policy.settle_seconds)
        if evidence.last_block is not None:
            end = datetime.fromtimestamp((evidence.last_block + 1) * policy.block_seconds, UTC)
            seen = max(seen, end)
        if at - seen > grace:
            yield f"{metric} is missing in one arm or both since {seen:%Y-%m-%d %H:%M:%S} UTC"
        if not is_finite(evidence):
            yield f"the evidence on {metric} is not a finite number"


def _hold(rollout: Rollout, policy: RolloutPolicy, trouble: str, at: datetime) -> Decision:
    is_new = rollout.hold is None
    rollout = held_back(rollout, trouble)
    if is_new:
        return changed(rollout, policy, f"nothing advances: {trouble}", at)
    return rollout, ()


def _harm(rollout: Rollout, policy: RolloutPolicy, at: datetime) -> Decision | None:
    """The first guardrail that found harm acts by its mode; one that only observes is told once."""
    for evidence in rollout.evidence.metrics.values():
        if not shows_harm(evidence, policy):
            continue
        mode = policy.modes.get(evidence.metric, "auto")
        reason = _harm_reason(evidence, policy)
        if mode == "auto":
            return roll_back_by_itself(rollout, policy, reason, at)
        if mode == "pause" and rollout.step in STAGES:
            return wait_for_a_person(rollout, policy, PAUSED, reason, at)
        if evidence.metric not in rollout.observed_harm:
            rollout = replace(rollout, observed_harm=(*rollout.observed_harm, evidence.metric))
            return changed(rollout, policy, f"only observed: {reason}", at)
    return None


def _harm_reason(evidence: MetricEvidence, policy: RolloutPolicy) -> str:
    return (
        f"harm in {evidence.metric}: log e-value {evidence.harm.log_e_value:.2f}"
        f" at {harm_threshold(evidence.metric, policy):.2f}, {evidence.candidate_bad} of {evidence.candidate_count}"
        f" against {evidence.baseline_bad} of {evidence.baseline_count}"
    )


def _progress(rollout: Rollout, policy: RolloutPolicy, at: datetime) -> Decision:
    wanting = list(_wanting_in_bake(rollout, policy) if rollout.step == BAKE else _wanting(rollout, policy))
    if not wanting:
        return advance(rollout, policy, _ready_reason(rollout, policy), at)
    if rollout.stage.blocks * policy.block_seconds >= policy.stage_seconds_max:
        return wait_for_a_person(rollout, policy, HELD, f"inconclusive at its maximum time: {'; '.join(wanting)}", at)
    return rollout, ()


def _wanting(rollout: Rollout, policy: RolloutPolicy) -> Iterator[str]:
    """What a shadow or canary stage still lacks."""
    stage = rollout.stage
    if stage.blocks * policy.block_seconds < policy.dwell_seconds_min:
        yield f"{stage.blocks * policy.block_seconds} s of {policy.dwell_seconds_min} s"
    if stage.candidate_count < policy.candidate_interactions_min:
        yield f"{stage.candidate_count} of {policy.candidate_interactions_min} interactions of the candidate"
    for metric in policy.required_metrics:
        if not shows_no_harm(rollout.evidence.metrics[metric], policy):
            yield f"{metric} is not shown to be no worse"


def _wanting_in_bake(rollout: Rollout, policy: RolloutPolicy) -> Iterator[str]:
    """With all traffic there is nothing to compare: the candidate must be seen, alone, on every replica."""
    stage = rollout.stage
    if stage.blocks * policy.block_seconds < policy.bake_seconds:
        yield f"{stage.blocks * policy.block_seconds} s of {policy.bake_seconds} s"
    if stage.last_baseline_count or not stage.last_candidate_count:
        yield f"telemetry does not show {rollout.candidate} alone"
    if not stage.replicas or set(stage.replicas.values()) != {rollout.candidate}:
        yield f"not every replica runs {rollout.candidate}"


def _ready_reason(rollout: Rollout, policy: RolloutPolicy) -> str:
    if rollout.step == BAKE:
        return f"{rollout.candidate} took all traffic for {policy.bake_seconds} s, seen on every replica"
    return f"no worse in {', '.join(policy.required_metrics)} after {rollout.stage.candidate_count} interactions"
