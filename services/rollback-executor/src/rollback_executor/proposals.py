"""What a proposal becomes: the rollout before its first input, or the reasons why it cannot be."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from flyball.schemas.registry import SystemRevision
from flyball.schemas.rollouts import RolloutPolicy
from rollback_executor.domain.gate import GateAnswer, GateQuestion
from rollback_executor.domain.rollout import EVERYTHING, Pointer, Rollout
from rollback_executor.ports import System
from rollback_executor.requests import Proposal


def against_target(proposal: Proposal, found: Pointer | None, *, is_partial: bool) -> Sequence[str]:
    reasons = []
    if proposal.baseline == proposal.candidate:
        reasons.append("baseline and candidate are the same release: there is nothing to compare")
    if found is not None and found.stable != proposal.baseline:
        reasons.append(f"the target runs {found.stable}, not the baseline {proposal.baseline}")
    if found is not None and found.candidate is not None:
        reasons.append(f"the target already shares its traffic with {found.candidate}")
    if not is_partial and proposal.policy.steps_basis_points != (EVERYTHING,):
        reasons.append(f"the adapter {proposal.adapter} knows no shares: steps_basis_points must be [10000]")
    return reasons


def closed_gate(proposal: Proposal, said: GateAnswer) -> tuple[str, ...]:
    """What a person overrode, for everyone to see."""
    if said.is_open:
        return ()
    return (f"{proposal.requested_by} opened a closed gate ({proposal.override}): {'; '.join(said.reasons)}",)


def opening_of(
    proposal: Proposal, rollout_id: str, found: Pointer | None, system: System, last_epoch: int, now: datetime
) -> Rollout:
    apart = timedelta(seconds=proposal.policy.automatic_rollback_seconds_apart)
    last = system.automatic_rollback_at
    revision = in_force(system.revisions, now)
    return Rollout(
        id=rollout_id,
        tenant=proposal.tenant,
        system=proposal.system,
        environment=proposal.environment,
        baseline=proposal.baseline,
        candidate=proposal.candidate,
        adapter=proposal.adapter,
        requested_by=proposal.requested_by,
        policy_version=revision.version if revision else 0,
        owner=_owner(proposal.system, revision),
        restore=found or Pointer(stable=proposal.baseline),
        epoch=last_epoch + 1,
        opened_at=now,
        barred_until=last + apart if last else None,
    )


def in_force(revisions: Sequence[SystemRevision], at: datetime) -> SystemRevision | None:
    """The system's spec at that time; None where nobody declared it."""
    begun = [revision for revision in revisions if revision.effective_at <= at]
    return max(begun, key=lambda revision: revision.version, default=None)


def policy_of(proposal: Proposal, system: System, now: datetime) -> RolloutPolicy:
    """What is judged is what the system's target for accuracy judges, unless somebody asks for another metric."""
    revision = in_force(system.revisions, now)
    if revision is None or "quality_metric" in proposal.policy.model_fields_set:
        return proposal.policy
    return proposal.policy.model_copy(update={"quality_metric": revision.spec.targets.accuracy.metric})


def _owner(system: str, revision: SystemRevision | None) -> str:
    owners = revision.spec.owners if revision else None
    named = (owners.operations or owners.technical or owners.business) if owners else None
    return named or f"nobody is declared for {system}"


def with_advice(reason: str, known: Sequence[str]) -> str:
    return f"{reason}. To know: {'; '.join(known)}" if known else reason


def question_of(rollout: Rollout) -> GateQuestion:
    """What the gate is asked before this rollout starts."""
    return GateQuestion(
        rollout.tenant,
        rollout.system,
        rollout.environment,
        rollout.candidate,
        rollout.requested_by,
        rollout.policy_version,
    )
