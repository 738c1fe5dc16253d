"""What people ask for: to start a rollout, to steer it, to go back. Answers are either done or refused with reasons."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Generic

from flyball.schemas.registry import SystemRevision
from flyball.schemas.rollouts import RolloutPolicy
from flyball.store.ports import Database, Tx
from rollback_executor.domain.audit import refusal_record
from rollback_executor.domain.commands import refusal
from rollback_executor.domain.facts import changed
from rollback_executor.domain.gate import advice, reasons_against
from rollback_executor.domain.inputs import Command
from rollback_executor.domain.rollout import EVERYTHING, Pointer, Rollout
from rollback_executor.messages import audit_message, messages_of
from rollback_executor.ports import Rollouts, System, SystemKey, TargetName, Targets, Tracked
from rollback_executor.requests import CommandRequest, Proposal, RollbackRequest
from rollback_executor.service import RollbackExecutor


@dataclass(frozen=True, slots=True)
class Answer:
    """The rollout as it is now; or why not, every reason; and what else should be known."""

    rollout: Rollout | None
    reasons: Sequence[str] = ()
    advice: Sequence[str] = ()
    is_missing: bool = False


@dataclass(frozen=True, slots=True)
class Desk(Generic[Tx]):
    """Everything in one transaction per request, but the look at the target before it."""

    database: Database[Tx]
    rollouts: Callable[[Tx], Rollouts]
    service: RollbackExecutor[Tx]
    targets: Targets
    clock: Callable[[], datetime]

    async def propose(self, proposal: Proposal, rollout_id: str) -> Answer:
        """Start a rollout, if the gate is open. Asking again with the same id gives the same rollout."""
        name = TargetName(proposal.tenant, proposal.system, proposal.environment)
        target = self.targets.target(proposal.adapter, name)
        if target is None:
            known = ", ".join(self.targets.known()) or "none"
            return Answer(None, [f"there is no adapter {proposal.adapter!r} here, only: {known}"])
        found = await target.snapshot()
        reasons = list(_against_target(proposal, found, is_partial=target.supports_partial))
        async with self.database.transaction() as transaction:
            if (known_already := await self.rollouts(transaction).find(rollout_id)) is not None:
                return Answer(known_already.rollout)
            return await self._propose(transaction, proposal, rollout_id, found, reasons)

    async def _propose(
        self, transaction: Tx, proposal: Proposal, rollout_id: str, found: Pointer | None, reasons: list[str]
    ) -> Answer:
        rollouts, now = self.rollouts(transaction), self.clock()
        name = TargetName(proposal.tenant, proposal.system, proposal.environment)
        key: SystemKey = (proposal.tenant, proposal.system)
        system = await rollouts.system(key)
        policy = _policy(proposal, _in_force(system.revisions, now))
        newest = await rollouts.newest(name)
        if newest is not None and newest.rollout.is_open:
            reasons.append(f"rollout {newest.rollout.id} of {name} is open ({newest.rollout.step})")
        reasons += reasons_against(system.budgets)
        opening = _opening(proposal, rollout_id, found, system, await rollouts.last_epoch(name), now)
        if reasons:
            budgets = system.budgets.model_dump(mode="json") if system.budgets else None
            record = refusal_record(opening, reasons, budgets, now)
            await transaction.enqueue([audit_message(record, f"{rollout_id}/refused/{now.isoformat()}")])
            return Answer(None, reasons)
        known = advice(system.budgets, await rollouts.requests_per_second(key, now), policy)
        rollout, facts = changed(opening, policy, _with(proposal.reason, known), now, actor=proposal.requested_by)
        await rollouts.open_rollout(Tracked(rollout, policy, now), facts)
        await transaction.enqueue(messages_of(rollout, policy, facts))
        if proposal.approved_by is not None:
            command = Command(
                kind="approve", epoch=rollout.epoch, actor=proposal.approved_by, reason=proposal.reason, at=now
            )
            sitting = await self.service.sitting(transaction, key)
            rollout = (await sitting.give(rollout_id, command)).rollout
            await sitting.save(now)
        return Answer(rollout, advice=known)

    async def command(self, rollout_id: str, request: CommandRequest) -> Answer:
        """A person's word about one rollout. The same word again, for the epoch that it changed, does nothing."""
        async with self.database.transaction() as transaction:
            found = await self.rollouts(transaction).find(rollout_id)
            if found is None:
                return Answer(None, [f"there is no rollout {rollout_id!r}"], is_missing=True)
            tracked = await self._locked(transaction, found)
            command = Command(
                kind=request.command, epoch=request.epoch, actor=request.actor, reason=request.reason, at=self.clock()
            )
            return await self._command(transaction, tracked, command)

    async def roll_back(self, request: RollbackRequest) -> Answer:
        """Back to the last good release: out of an open rollout, or behind the last one that was done."""
        name = TargetName(request.tenant, request.system, request.environment)
        async with self.database.transaction() as transaction:
            await self.rollouts(transaction).system((request.tenant, request.system))
            newest = await self.rollouts(transaction).newest(name)
            if newest is None:
                return Answer(None, [f"no rollout of {name} is known, so no earlier release is"], is_missing=True)
            command = Command(
                kind="rollback",
                epoch=newest.rollout.epoch,
                actor=request.actor,
                reason=request.reason,
                at=self.clock(),
            )
            return await self._command(transaction, newest, command)

    async def _locked(self, transaction: Tx, tracked: Tracked) -> Tracked:
        """As it stands once nobody else can change it."""
        rollouts, rollout = self.rollouts(transaction), tracked.rollout
        await rollouts.system((rollout.tenant, rollout.system))
        return await rollouts.find(rollout.id) or tracked

    async def _command(self, transaction: Tx, tracked: Tracked, command: Command) -> Answer:
        reason = refusal(tracked.rollout, command)
        if reason is not None:
            return Answer(tracked.rollout, [reason])
        key = (tracked.rollout.tenant, tracked.rollout.system)
        # A release that was done long ago is watched no more, but a person may still go back behind it.
        sitting = (await self.service.sitting(transaction, key)).seat([tracked])
        after = await sitting.give(tracked.rollout.id, command)
        await sitting.save(command.at)
        return Answer(after.rollout)


def _against_target(proposal: Proposal, found: Pointer | None, *, is_partial: bool) -> Sequence[str]:
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


def _opening(
    proposal: Proposal, rollout_id: str, found: Pointer | None, system: System, last_epoch: int, now: datetime
) -> Rollout:
    apart = timedelta(seconds=proposal.policy.automatic_rollback_seconds_apart)
    last = system.automatic_rollback_at
    revision = _in_force(system.revisions, now)
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


def _in_force(revisions: Sequence[SystemRevision], at: datetime) -> SystemRevision | None:
    """The system's spec at that time; None where nobody declared it."""
    begun = [revision for revision in revisions if revision.effective_at <= at]
    return max(begun, key=lambda revision: revision.version, default=None)


def _policy(proposal: Proposal, revision: SystemRevision | None) -> RolloutPolicy:
    """What is judged is what the system's target for accuracy judges, unless somebody asks for another metric."""
    if revision is None or "quality_metric" in proposal.policy.model_fields_set:
        return proposal.policy
    return proposal.policy.model_copy(update={"quality_metric": revision.spec.targets.accuracy.metric})


def _owner(system: str, revision: SystemRevision | None) -> str:
    owners = revision.spec.owners if revision else None
    named = (owners.operations or owners.technical or owners.business) if owners else None
    return named or f"nobody is declared for {system}"


def _with(reason: str, known: Sequence[str]) -> str:
    return f"{reason}. To know: {'; '.join(known)}" if known else reason
