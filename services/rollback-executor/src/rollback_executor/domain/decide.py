"""``decide(rollout, given, policy)``: the rollout after one input, and what follows. Nothing else changes a rollout."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta

from flyball.schemas.registry import SAFETY
from flyball.schemas.rollouts import RolloutPolicy
from rollback_executor.domain import verification
from rollback_executor.domain.blocks import Block, Observed, gather
from rollback_executor.domain.commands import on_command
from rollback_executor.domain.evidence import with_block
from rollback_executor.domain.facts import Decision, Fact
from rollback_executor.domain.inputs import Barred, Command, Input, Receipt, Replicas, Tick, Zones, digest_after
from rollback_executor.domain.judge import judge
from rollback_executor.domain.moves import roll_back_by_itself, wait_for_a_person
from rollback_executor.domain.rollout import DONE, EXPOSED, PAUSED, RETURNING, STAGES, Rollout, Stage

MS_PER_SECOND = 1_000


def decide(rollout: Rollout, given: Input, policy: RolloutPolicy) -> Decision:
    """Apply one input. The journal's digest moves even where nothing is decided."""
    rollout = replace(rollout, sequence=rollout.sequence + 1, inputs_digest=digest_after(rollout.inputs_digest, given))
    match given:
        case Observed():
            decision = _on_observed(rollout, given, policy)
        case Tick():
            decision = _on_tick(rollout, given, policy)
        case Command():
            decision = on_command(rollout, given, policy)
        case Receipt():
            decision = _on_receipt(rollout, given, policy)
        case Replicas():
            decision = _on_replicas(rollout, given, policy)
        case Zones():
            decision = _on_zones(rollout, given, policy)
        case Barred():
            decision = replace(rollout, barred_until=max(given.until, rollout.barred_until or given.until)), ()
    return decision


def decide_all(rollout: Rollout, inputs: Iterable[Input], policy: RolloutPolicy) -> Decision:
    """Apply inputs one after another: a replay of the journal."""
    facts: list[Fact] = []
    for given in inputs:
        rollout, caused = decide(rollout, given, policy)
        facts += caused
    return rollout, tuple(facts)


def _on_observed(rollout: Rollout, observed: Observed, policy: RolloutPolicy) -> Decision:
    gathering, closed = gather(rollout.gathering, observed, rollout.baseline, rollout.candidate, policy)
    rollout = replace(rollout, gathering=gathering)
    facts: list[Fact] = []
    for block in closed:
        rollout, caused = _on_block(rollout, block, policy, observed.recorded_at)
        facts += caused
    if rollout.step in RETURNING:
        rollout, caused = verification.on_observed(rollout, observed, policy)
        facts += caused
    return rollout, tuple(facts)


def _on_block(rollout: Rollout, block: Block, policy: RolloutPolicy, at: datetime) -> Decision:
    if rollout.step not in EXPOSED:
        return rollout, ()
    rollout = replace(rollout, stage=replace(rollout.stage, is_suspect=block.is_suspect))
    if block.is_suspect:
        # It is evidence of nothing, neither of harm nor that there is none.
        return judge(rollout, policy, at, with_new_block=False)
    evidence = with_block(rollout.evidence, block, policy)
    rollout = replace(rollout, evidence=evidence, stage=_counted(rollout.stage, block, policy))
    return judge(rollout, policy, at, with_new_block=True)


def _counted(stage: Stage, block: Block, policy: RolloutPolicy) -> Stage:
    """Blocks that began before routers could follow the new share count for evidence, not for the stage."""
    settled = timedelta(seconds=policy.settle_seconds)
    if stage.applied_at is None or block.starts_at(policy) < stage.applied_at + settled:
        return stage
    candidate, baseline = block.candidate.interactions, block.baseline.interactions
    return replace(
        stage,
        blocks=stage.blocks + 1,
        candidate_count=stage.candidate_count + candidate,
        baseline_count=stage.baseline_count + baseline,
        last_candidate_count=candidate,
        last_baseline_count=baseline,
    )


def _on_tick(rollout: Rollout, tick: Tick, policy: RolloutPolicy) -> Decision:
    if rollout.step in RETURNING:
        return verification.on_tick(rollout, tick, policy)
    if rollout.step not in STAGES:
        return rollout, ()
    rollout, facts = judge(rollout, policy, tick.at, with_new_block=False)
    if rollout.hold is None:
        return rollout, facts
    hold = replace(rollout.hold, waited_ms=rollout.hold.waited_ms + tick.elapsed_ms)
    rollout = replace(rollout, hold=hold)
    if hold.waited_ms < policy.hold_seconds_max * MS_PER_SECOND:
        return rollout, facts
    reason = f"held back for {policy.hold_seconds_max} s: {hold.reason}"
    rollout, caused = roll_back_by_itself(rollout, policy, reason, tick.at)
    return rollout, (*facts, *caused)


def _on_receipt(rollout: Rollout, receipt: Receipt, policy: RolloutPolicy) -> Decision:
    """A receipt of an older epoch is about an order that holds no longer."""
    if receipt.epoch != rollout.epoch:
        return rollout, ()
    if rollout.step in RETURNING:
        return verification.on_receipt(rollout, receipt, policy)
    if rollout.step not in EXPOSED:
        return rollout, ()
    if receipt.outcome == "accepted":
        return replace(rollout, stage=replace(rollout.stage, applied_at=receipt.at)), ()
    if receipt.outcome == "refused" and rollout.step in STAGES:
        return wait_for_a_person(rollout, policy, PAUSED, f"the target refused: {receipt.detail}", receipt.at)
    return rollout, ()


def _on_replicas(rollout: Rollout, replicas: Replicas, policy: RolloutPolicy) -> Decision:
    if rollout.step in RETURNING:
        return verification.on_replicas(rollout, replicas, policy)
    return replace(rollout, stage=replace(rollout.stage, replicas=dict(replicas.versions))), ()


def _on_zones(rollout: Rollout, zones: Zones, policy: RolloutPolicy) -> Decision:
    """Any budget that goes red ends an open rollout; after it is done, safety alone does."""
    counts = zones.newly if rollout.step in EXPOSED else tuple(name for name in zones.newly if name == SAFETY)
    if not counts or rollout.step not in EXPOSED | {DONE}:
        return rollout, ()
    return roll_back_by_itself(rollout, policy, f"budget in its worst zone: {', '.join(counts)}", zones.at)
