"""The way up: a proposal, every gate judged on what is known, and as many signatures as the step needs."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Generic

from autonomy_controller import facts
from autonomy_controller.commands import NotFound
from autonomy_controller.deciding import level_facts
from autonomy_controller.domain import audit, changes
from autonomy_controller.domain.promotions import SIGNATURES, TOP, Gate, Holds, all_hold, evidence_of, gates
from autonomy_controller.domain.state import ClassState
from autonomy_controller.ports import Memory, Promotion
from flyball.schemas.audit import AuditRecord
from flyball.schemas.autonomy import EpochLevel
from flyball.store.ports import Database, Tx

Target = tuple[str, str, str, str]
"""Tenant, system, action class, evidence epoch."""


class NotSignable(Exception):
    """Why a signature changes nothing: ``gates`` that do not hold, or who signs."""

    def __init__(self, reason: str, detail: str, judged: Sequence[Gate]) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail
        self.gates = judged


@dataclass(frozen=True, slots=True)
class Judged:
    promotion: Promotion
    gates: Sequence[Gate]

    @property
    def holds(self) -> Holds:
        answers = {gate.holds for gate in self.gates}
        if "no" in answers:
            return "no"
        return "insufficient_evidence" if "insufficient_evidence" in answers else "yes"


@dataclass(frozen=True, slots=True)
class Promotions(Generic[Tx]):
    database: Database[Tx]
    memory: Callable[[Tx], Memory]

    async def propose(self, target: Target, person: str, now: datetime) -> Judged:
        """Judge the gates and remember the proposal. Raises ``NotFound``."""
        async with self.database.transaction() as transaction:
            memory = self.memory(transaction)
            state, epoch = await self._found(memory, target)
            promotion = Promotion(
                promotion_id=str(facts.identity("promotion", *target, str(epoch.level), now.isoformat())),
                tenant=target[0],
                system=target[1],
                action_class=target[2],
                evidence_epoch=target[3],
                from_level=epoch.level,
                proposed_by=person,
                proposed_at=now,
            )
            judged = Judged(promotion, await self._gates(memory, state, epoch))
            await memory.save_promotion(promotion)
            record = _record(judged, state, person, judged.holds, now)
            await transaction.enqueue([facts.audit(record)])
        return judged

    async def sign(self, promotion_id: str, person: str, now: datetime) -> Judged:
        """One more signature; the last one needed promotes. Raises ``NotFound`` and ``NotSignable``."""
        async with self.database.transaction() as transaction:
            memory = self.memory(transaction)
            promotion = await memory.promotion(promotion_id)
            if promotion is None:
                raise NotFound(f"no promotion {promotion_id}")
            target = (promotion.tenant, promotion.system, promotion.action_class, promotion.evidence_epoch)
            state, epoch = await self._found(memory, target)
            judged = Judged(promotion, await self._gates(memory, state, epoch))
            _may_sign(judged, state, epoch, person)
            signed = promotion.model_copy(update={"signed_by": (*promotion.signed_by, person)})
            if len(signed.signed_by) >= SIGNATURES[promotion.from_level]:
                signed = signed.model_copy(update={"done": True})
                change = changes.Promoted(
                    evidence_epoch=epoch.evidence_epoch, level=epoch.level + 1, signed_by=signed.signed_by
                )
                after = changes.applied(change, state, state.key, now)
                await memory.save_classes([after])
                await transaction.enqueue(level_facts(state, after, change, f"promotion {promotion_id}", person))
            await memory.save_promotion(signed)
            await transaction.enqueue([facts.audit(_record(judged, state, person, "signed", now))])
        return Judged(signed, judged.gates)

    async def _found(self, memory: Memory, target: Target) -> tuple[ClassState, EpochLevel]:
        key = target[:2]
        state = (await memory.classes({key}, change=True))[key].get(target[2])
        known = state.control.levels if state else ()
        epoch = next((level for level in known if level.evidence_epoch == target[3]), None)
        if state is None or epoch is None:
            raise NotFound(f"{target[1]} has done nothing of the class {target[2]} in the epoch {target[3]}")
        if epoch.level == TOP:
            raise NotFound(f"L{TOP} is the highest level")
        return state, epoch

    async def _gates(self, memory: Memory, state: ClassState, epoch: EpochLevel) -> Sequence[Gate]:
        key = (state.control.tenant, state.control.system)
        seen = await memory.decisions(key, state.control.action_class, epoch.evidence_epoch, epoch.since)
        judged = await memory.outcomes(key, state.control.action_class, epoch.evidence_epoch, epoch.since)
        return gates(evidence_of(epoch.level, seen, judged), state, (await memory.standings({key}))[key])


def _may_sign(judged: Judged, state: ClassState, epoch: EpochLevel, person: str) -> None:
    promotion = judged.promotion
    if promotion.done or promotion.from_level != epoch.level:
        raise NotSignable("outdated", "the level has changed since it was proposed", judged.gates)
    if not all_hold(judged.gates):
        open_ = ", ".join(gate.name for gate in judged.gates if gate.holds != "yes")
        raise NotSignable("gates", f"these gates do not hold: {open_}", judged.gates)
    if person in promotion.signed_by:
        raise NotSignable("signed", f"{person} has signed it", judged.gates)
    if person.removeprefix("user:").casefold() in {owner.removeprefix("user:").casefold() for owner in state.owners}:
        raise NotSignable("owner", "an owner does not sign the promotion of the own system", judged.gates)


def _record(judged: Judged, state: ClassState, person: str, decision: str, now: datetime) -> AuditRecord:
    promotion = judged.promotion
    inputs: audit.Inputs = {
        "promotion": promotion.model_dump(mode="json"),
        "gates": [{"name": g.name, "holds": g.holds, "value": g.value, "missing": g.missing} for g in judged.gates],
    }
    version = state.control.policy_version
    reason = f"L{promotion.from_level} to L{promotion.from_level + 1} of {promotion.evidence_epoch}"
    return audit.record(
        state.control, audit.COMMAND, promotion.promotion_id, person, decision, reason, version, inputs, now
    )
