"""The moves between steps. Each gives the rollout after it and the facts that it causes."""

from dataclasses import replace
from datetime import datetime, timedelta

from flyball.schemas.rollouts import RolloutPolicy, RolloutStep
from rollback_executor.domain import alerts
from rollback_executor.domain.alerts import with_alert, without_alerts
from rollback_executor.domain.facts import ACTOR, Decision, RolledBackByItself, changed, intent
from rollback_executor.domain.rollout import (
    BAKE,
    CANARY,
    DONE,
    EVERYTHING,
    HELD,
    ROLLBACK_FAILED,
    ROLLED_BACK,
    ROLLING_BACK,
    SHADOW,
    SHADOW_INDEX,
    VERIFYING,
    WAITING_FOR_A_PERSON,
    Hold,
    Rollout,
    Stage,
    Verification,
)


def first_stage(policy: RolloutPolicy) -> int:
    return SHADOW_INDEX if policy.shadow else 0


def enter_stage(
    rollout: Rollout, policy: RolloutPolicy, index: int, reason: str, at: datetime, *, actor: str = ACTOR
) -> Decision:
    """Set the share of this stage. A new epoch, so that whatever was ordered before is stale."""
    share = 0 if index == SHADOW_INDEX else policy.steps_basis_points[index]
    step: RolloutStep = SHADOW if index == SHADOW_INDEX else BAKE if share == EVERYTHING else CANARY
    rollout = replace(
        rollout,
        step=step,
        share_basis_points=share,
        epoch=rollout.epoch + 1,
        stage=Stage(index=index),
        hold=None,
        resumes_to=None,
    )
    rollout, facts = changed(rollout, policy, reason, at, actor=actor)
    return rollout, (*facts, intent(rollout))


def advance(rollout: Rollout, policy: RolloutPolicy, reason: str, at: datetime, *, actor: str = ACTOR) -> Decision:
    """The next stage, or done after the last."""
    if rollout.stage.index + 1 < len(policy.steps_basis_points):
        return enter_stage(rollout, policy, rollout.stage.index + 1, reason, at, actor=actor)
    rollout = replace(rollout, step=DONE, done_at=at, hold=None, resumes_to=None)
    rollout, facts = changed(rollout, policy, reason, at, actor=actor)
    return without_alerts(rollout, facts, f"{rollout.candidate} is done", at)


def wait_for_a_person(
    rollout: Rollout, policy: RolloutPolicy, step: RolloutStep, reason: str, at: datetime, *, actor: str = ACTOR
) -> Decision:
    """Paused or held: the share stays, nothing is promoted, harm still rolls back."""
    resumes_to = rollout.resumes_to or rollout.step
    return changed(replace(rollout, step=step, resumes_to=resumes_to, hold=None), policy, reason, at, actor=actor)


def roll_back_by_itself(rollout: Rollout, policy: RolloutPolicy, reason: str, at: datetime) -> Decision:
    """At most one in an hour and system: if the restored release is bad too, the cause is elsewhere."""
    if rollout.barred_until is not None and at < rollout.barred_until:
        return _barred(rollout, policy, reason, at)
    until = at + timedelta(seconds=policy.automatic_rollback_seconds_apart)
    rollout, facts = roll_back(replace(rollout, barred_until=until), policy, reason, at)
    summary = f"{rollout.system} is being rolled back from {rollout.candidate} to {rollout.restore.stable}"
    facts = (*facts, RolledBackByItself(at=at, until=until))
    return with_alert(rollout, facts, alerts.ROLLBACK, summary, reason, "the evidence that its policy asks for", at)


def roll_back(rollout: Rollout, policy: RolloutPolicy, reason: str, at: datetime, *, actor: str = ACTOR) -> Decision:
    """Tell the target to restore what it had. Nothing is rolled back until that was seen."""
    rollout = replace(
        rollout,
        step=ROLLING_BACK,
        share_basis_points=0,
        epoch=rollout.epoch + 1,
        hold=None,
        resumes_to=None,
        done_at=None,
        verification=Verification(),
    )
    rollout, facts = changed(rollout, policy, reason, at, actor=actor)
    return rollout, (*facts, intent(rollout))


def verifying(rollout: Rollout, policy: RolloutPolicy, reason: str, at: datetime) -> Decision:
    return changed(replace(rollout, step=VERIFYING), policy, reason, at)


def rolled_back(rollout: Rollout, policy: RolloutPolicy, reason: str, at: datetime) -> Decision:
    rollout, facts = changed(replace(rollout, step=ROLLED_BACK), policy, reason, at)
    return without_alerts(rollout, facts, reason, at)


def rollback_failed(rollout: Rollout, policy: RolloutPolicy, reason: str, at: datetime) -> Decision:
    rollout, facts = changed(replace(rollout, step=ROLLBACK_FAILED), policy, reason, at)
    summary, threshold = alerts.unproven(rollout, policy)
    return with_alert(rollout, facts, alerts.ROLLBACK_FAILED, summary, reason, threshold, at)


def _barred(rollout: Rollout, policy: RolloutPolicy, reason: str, at: datetime) -> Decision:
    """A person decides, and is told once. Whoever resumes it is asked again as long as the evidence stands."""
    is_known = alerts.SECOND_ROLLBACK in rollout.alerted
    if is_known and rollout.step in WAITING_FOR_A_PERSON | {DONE}:
        return rollout, ()
    why = f"{reason}; not rolled back, since one was less than {policy.automatic_rollback_seconds_apart} s ago"
    if rollout.step == DONE:
        rollout, facts = changed(rollout, policy, why, at)
    else:
        rollout, facts = wait_for_a_person(rollout, policy, HELD, why, at)
    if is_known:
        return rollout, facts
    summary = f"{rollout.system} needs a second rollback within the hour: the cause is likely elsewhere"
    threshold = f"one automatic rollback in {policy.automatic_rollback_seconds_apart} s"
    return with_alert(rollout, facts, alerts.SECOND_ROLLBACK, summary, why, threshold, at)


def held_back(rollout: Rollout, reason: str) -> Rollout:
    """Nothing advances for this reason; the time already waited goes on."""
    waited_ms = rollout.hold.waited_ms if rollout.hold else 0
    return replace(rollout, hold=Hold(reason=reason, waited_ms=waited_ms))
