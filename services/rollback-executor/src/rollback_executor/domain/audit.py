"""Each change of a rollout on the record, with what proves the journal it rests on."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from flyball.schemas.audit import AuditRecord
from flyball.schemas.digest import digest_of
from flyball.schemas.rollouts import RolloutChanged, RolloutPolicy
from rollback_executor.domain.facts import SERVICE
from rollback_executor.domain.rollout import Rollout

KIND = "rollout.step"
REFUSED_KIND = "rollout.gate"
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


def refusal_record(
    rollout: Rollout, reasons: Sequence[str], budgets: dict[str, Any] | None, at: datetime
) -> AuditRecord:
    """A rollout that may not start, with every reason."""
    inputs: dict[str, Any] = {
        "candidate": rollout.candidate,
        "baseline": rollout.baseline,
        "environment": rollout.environment,
        "reasons": list(reasons),
        "budgets": budgets,
    }
    return AuditRecord(
        tenant=rollout.tenant,
        system=rollout.system,
        service=SERVICE,
        kind=REFUSED_KIND,
        subject=f"{rollout.tenant}/{rollout.system}/{rollout.environment}/{rollout.candidate}"[:SUBJECT_CHARACTERS_MAX],
        actor=rollout.requested_by,
        decision="refused",
        reason="; ".join(reasons)[:1_024],
        policy_version=rollout.policy_version,
        inputs=inputs,
        inputs_digest=digest_of(inputs),
        decided_at=at,
    )
