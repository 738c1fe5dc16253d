"""What people ask for: to start a rollout, to steer it, to go back. Answers are either done or refused with reasons."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Generic

from flyball.schemas.rollouts import RolloutPolicy
from flyball.store.ports import Database, Tx
from rollback_executor.domain.audit import gate_record
from rollback_executor.domain.commands import refusal
from rollback_executor.domain.decide import decide
from rollback_executor.domain.facts import changed
from rollback_executor.domain.gate import GateAnswer, GateQuestion, gate, traffic_advice
from rollback_executor.domain.inputs import Command
from rollback_executor.domain.rollout import Pointer, Rollout
from rollback_executor.messages import audit_message, messages_of
from rollback_executor.ports import Rollouts, System, TargetName, Targets, Tracked
from rollback_executor.proposals import against_target, closed_gate, opening_of, policy_of, question_of, with_advice
from rollback_executor.requests import CommandRequest, GateRequest, Proposal, RollbackRequest
from rollback_executor.service import RollbackExecutor


@dataclass(frozen=True, slots=True)
class Answer:
    """The rollout as it is now; or why not, every reason; and what else should be known."""

    rollout: Rollout | None
    reasons: Sequence[str] = ()
    advice: Sequence[str] = ()
    is_missing: bool = False
    is_gate_closed: bool = False


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
        reasons = list(against_target(proposal, found, is_partial=target.supports_partial))
        async with self.database.transaction() as transaction:
            if (known_already := await self.rollouts(transaction).find(rollout_id)) is not None:
                return Answer(known_already.rollout)
            return await self._propose(transaction, proposal, rollout_id, found, reasons)

    async def _propose(
        self, transaction: Tx, proposal: Proposal, rollout_id: str, found: Pointer | None, reasons: list[str]
    ) -> Answer:
        rollouts, now = self.rollouts(transaction), self.clock()
        name = TargetName(proposal.tenant, proposal.system, proposal.environment)
        system = await rollouts.system((proposal.tenant, proposal.system))
        policy = policy_of(proposal, system, now)
        newest = await rollouts.newest(name)
        if newest is not None and newest.rollout.is_open:
            reasons.append(f"rollout {newest.rollout.id} of {name} is open ({newest.rollout.step})")
        opening = opening_of(proposal, rollout_id, found, system, await rollouts.last_epoch(name), now)
        said = gate(system.budgets)
        if proposal.override is None:
            reasons += said.reasons
        if reasons:
            await self._record(transaction, opening, "refused", reasons, system, "; ".join(reasons))
            return Answer(None, reasons, is_gate_closed=not said.is_open and proposal.override is None)
        if not said.is_open:
            await self._record(transaction, opening, "overridden", said.reasons, system, f"{proposal.override}")
        traffic = await rollouts.requests_per_second((proposal.tenant, proposal.system), now)
        known = (*closed_gate(proposal, said), *said.advice, *traffic_advice(traffic, policy))
        return Answer(await self._open(transaction, proposal, opening, policy, known), advice=known)

    async def _open(
        self, transaction: Tx, proposal: Proposal, opening: Rollout, policy: RolloutPolicy, known: Sequence[str]
    ) -> Rollout:
        now, actor = opening.opened_at, proposal.requested_by
        rollout, facts = changed(opening, policy, with_advice(proposal.reason, known), now, actor=actor)
        await self.rollouts(transaction).open_rollout(Tracked(rollout, policy, now), facts)
        await transaction.enqueue(messages_of(rollout, policy, facts))
        if proposal.approved_by is None:
            return rollout
        approval = Command(
            kind="approve", epoch=rollout.epoch, actor=proposal.approved_by, reason=proposal.reason, at=now
        )
        sitting = await self.service.sitting(transaction, (rollout.tenant, rollout.system))
        rollout = (await sitting.give(rollout.id, approval)).rollout
        await sitting.save(now)
        return rollout

    async def ask_gate(self, asked: GateRequest) -> GateAnswer:
        """May this release start on its way? The same rule that a proposal meets; the answer is on the record."""
        question = GateQuestion(asked.tenant, asked.system, asked.environment, asked.release, asked.actor)
        async with self.database.transaction() as transaction:
            system = await self.rollouts(transaction).system((asked.tenant, asked.system))
            now = self.clock()
            said = gate(system.budgets)
            decision, why = (
                ("open", "no budget is against it") if said.is_open else ("refused", "; ".join(said.reasons))
            )
            record = gate_record(question, decision, said.reasons, system.budgets, why, now)
            await transaction.enqueue([audit_message(record, f"{asked.actor}/{now.isoformat()}")])
        return said

    async def _record(
        self, transaction: Tx, opening: Rollout, decision: str, reasons: Sequence[str], system: System, why: str
    ) -> None:
        record = gate_record(question_of(opening), decision, reasons, system.budgets, why, opening.opened_at)
        cause = f"{opening.id}/{decision}/{opening.opened_at.isoformat()}"
        await transaction.enqueue([audit_message(record, cause)])

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
        """Back to the last good release, or to one of the five before: out of an open rollout, or behind a done one."""
        name = TargetName(request.tenant, request.system, request.environment)
        async with self.database.transaction() as transaction:
            rollouts = self.rollouts(transaction)
            await rollouts.system((request.tenant, request.system))
            newest = await rollouts.newest(name)
            if newest is None:
                return Answer(None, [f"no rollout of {name} is known, so no earlier release is"], is_missing=True)
            earlier = await rollouts.earlier_releases(name)
            if request.to is not None and request.to not in earlier:
                known = ", ".join(earlier) or "none"
                return Answer(newest.rollout, [f"{request.to} is none of the last releases of {name}: {known}"])
            command = Command(
                kind="rollback",
                epoch=newest.rollout.epoch,
                actor=request.actor,
                reason=request.reason,
                at=self.clock(),
                to=request.to,
            )
            if request.dry_run:
                return _would(newest, command)
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


def _would(tracked: Tracked, command: Command) -> Answer:
    """The rollout as it would be, and nothing done."""
    reason = refusal(tracked.rollout, command)
    if reason is not None:
        return Answer(tracked.rollout, [reason])
    after, _ = decide(tracked.rollout, command, tracked.policy)
    return Answer(after, advice=[f"{after.adapter} would be told to restore {after.restore.stable}"])
