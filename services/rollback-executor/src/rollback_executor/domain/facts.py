"""What follows from a decision: a change that is told, a target that is told, a person who is alerted."""

import math
from dataclasses import dataclass, replace
from datetime import datetime

from flyball.schemas.alerts import Alert
from flyball.schemas.rollouts import BASIS_POINTS, RolloutChanged, RolloutPolicy, SampleRatio
from flyball.stats.sample_ratio import log_share_evidence, shares_by_chance
from rollback_executor.domain.evidence import comparison
from rollback_executor.domain.rollout import EVERYTHING, SHADOW_INDEX, Pointer, Rollout, planned_share

SERVICE = "rollback-executor"
ACTOR = f"service:{SERVICE}"
REASON_CHARACTERS_MAX = 1_024


@dataclass(frozen=True, slots=True, kw_only=True)
class Intent:
    """The target is to be told ``token``. One per rollout, epoch and step, however often it is decided."""

    epoch: int
    step: str
    token: Pointer


@dataclass(frozen=True, slots=True, kw_only=True)
class RolledBackByItself:
    """From now on no other rollback of this system happens by itself for a while."""

    at: datetime
    until: datetime


Fact = RolloutChanged | Intent | Alert | RolledBackByItself
Decision = tuple[Rollout, tuple[Fact, ...]]


def changed(rollout: Rollout, policy: RolloutPolicy, reason: str, at: datetime, *, actor: str = ACTOR) -> Decision:
    """The rollout with its next version, and the fact that tells it with all evidence so far."""
    after = replace(rollout, version=rollout.version + 1)
    threshold_us = after.evidence.latency_threshold_us
    told = tuple(comparison(each, threshold_us, policy) for each in after.evidence.metrics.values() if each.blocks)
    fact = RolloutChanged(
        rollout_id=after.id,
        tenant=after.tenant,
        system=after.system,
        environment=after.environment,
        baseline=after.baseline,
        candidate=after.candidate,
        step=after.step,
        share_basis_points=after.share_basis_points,
        epoch=after.epoch,
        version=after.version,
        reason=reason[:REASON_CHARACTERS_MAX],
        comparisons=told,
        sample_ratio=sample_ratio(after, policy),
        late_interactions=after.gathering.late_interactions,
        requested_by=after.requested_by,
        actor=actor,
        policy_version=after.policy_version,
        adapter=after.adapter,
        changed_at=at,
    )
    return after, (fact,)


def sample_ratio(rollout: Rollout, policy: RolloutPolicy) -> SampleRatio | None:
    """Evidence against the planned shares; None where there is nothing to share, or nothing was counted."""
    share = planned_share(rollout)
    stage = rollout.stage
    if not 0 < share < EVERYTHING or not stage.blocks:
        return None
    low, high = _shares_by_chance(rollout, share, policy)
    return SampleRatio(
        candidate_count=stage.candidate_count,
        baseline_count=stage.baseline_count,
        planned_basis_points=share,
        lower_basis_points=low,
        upper_basis_points=high,
        log_e_value=log_share_evidence((stage.candidate_count, stage.baseline_count), (low, high)),
        log_threshold=-math.log(policy.sample_ratio_alpha),
    )


def _shares_by_chance(rollout: Rollout, share: int, policy: RolloutPolicy) -> tuple[int, int]:
    """In shadow every unit is in both arms, and nothing is left to chance."""
    if rollout.stage.index == SHADOW_INDEX:
        return share, share
    units = policy.candidate_units_min * BASIS_POINTS // share
    return shares_by_chance(share, units, policy.sample_ratio_alpha)


def intent(rollout: Rollout) -> Intent:
    """Tell the target what this step needs."""
    return Intent(epoch=rollout.epoch, step=f"{rollout.step}:{rollout.share_basis_points}", token=rollout.pointer)
