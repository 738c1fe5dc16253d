"""Each change of a rollout on the record, with what proves the journal it rests on."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from flyball.schemas.audit import AuditRecord
from flyball.schemas.budgets import BudgetStates
from flyball.schemas.digest import digest_of
from flyball.schemas.rollouts import RolloutChanged, RolloutPolicy
from rollback_executor.domain.facts import REASON_CHARACTERS_MAX, SERVICE
from rollback_executor.domain.gate import GateQuestion
from rollback_executor.domain.rollout import Rollout

KIND = "rollout.step"
GATE_KIND = "rollout.gate"
SUBJECT_CHARACTERS_MAX = 256


def change_record(change: RolloutChanged, rollout: Rollout, policy: RolloutPolicy) -> AuditRecord:
    """``rollout`` is the one after the input that caused the change; its journal digest covers all inputs up to it."""
    inputs: dict[str, Any] = {
        "rollout_id": change.rollout_id,
        "inputs": rollout.sequence,
        "inputs_digest": rollout.inputs_digest,
        "version": change.version,
        "epoch": change.epoch,
        "share_basis_points": change.share_basis_points,
        "policy": policy.model_dump(mode="json"),
        "comparisons": [each.model_dump(mode="json") for each in change.comparisons],
        "sample_ratio": change.sample_ratio.model_dump(mode="json") if change.sample_ratio else None,
    }
    return AuditRecord(
        tenant=change.tenant,
        system=change.system,
        service=SERVICE,
        kind=KIND,
        subject=f"{change.tenant}/{change.system}/{change.environment}/{change.rollout_id}"[:SUBJECT_CHARACTERS_MAX],
        actor=change.actor,
        decision=change.step,
        reason=change.reason,
        policy_version=change.policy_version,
        inputs=inputs,
        inputs_digest=digest_of(inputs),
        decided_at=change.changed_at,
    )


def gate_record(
    question: GateQuestion, decision: str, reasons: Sequence[str], budgets: BudgetStates | None, why: str, at: datetime
) -> AuditRecord:
    """What the gate said to whom, on which budgets: ``open``, ``refused`` or ``overridden``."""
    inputs: dict[str, Any] = {
        "candidate": question.release,
        "environment": question.environment,
        "reasons": list(reasons),
        "budgets": budgets.model_dump(mode="json") if budgets else None,
    }
    return AuditRecord(
        tenant=question.tenant,
        system=question.system,
        service=SERVICE,
        kind=GATE_KIND,
        subject=f"{question.tenant}/{question.system}/{question.environment}/{question.release}"[
            :SUBJECT_CHARACTERS_MAX
        ],
        actor=question.actor,
        decision=decision,
        reason=why[:REASON_CHARACTERS_MAX],
        policy_version=question.policy_version,
        inputs=inputs,
        inputs_digest=digest_of(inputs),
        decided_at=at,
    )
