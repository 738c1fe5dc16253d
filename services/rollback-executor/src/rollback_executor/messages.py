"""Facts as messages. Ids come from the rollout and its version, so that a replay makes the same ones."""

from collections.abc import Sequence
from uuid import UUID, uuid5

from flyball.bus.messages import fact
from flyball.schemas.alerts import Alert
from flyball.schemas.audit import AuditRecord
from flyball.schemas.rollouts import RolloutChanged, RolloutPolicy
from flyball.schemas.topics import ALERTS, AUDIT_RECORDS, ROLLOUTS
from flyball.store.ports import Outgoing
from rollback_executor.domain.audit import change_record
from rollback_executor.domain.facts import SERVICE, Fact
from rollback_executor.domain.rollout import Rollout

NAME = SERVICE
NAMESPACE = UUID("9d2f0c1e-6a0b-5f5d-8a5e-0f7b1c2d3e4f")


def messages_of(rollout: Rollout, policy: RolloutPolicy, facts: Sequence[Fact]) -> list[Outgoing]:
    """What goes out, in order: each change, its record for the audit log, and alerts."""
    messages: list[Outgoing] = []
    for each in facts:
        if isinstance(each, RolloutChanged):
            messages += [_changed(each), audit_message(change_record(each, rollout, policy), f"{each.version}")]
        elif isinstance(each, Alert):
            messages.append(_alert(each, f"{rollout.id}/{rollout.version}"))
    return messages


def audit_message(record: AuditRecord, cause: str) -> Outgoing:
    return fact(
        AUDIT_RECORDS,
        record,
        source=NAME,
        identity=uuid5(NAMESPACE, f"audit/{record.subject}/{cause}"),
        system=record.system,
        time=record.decided_at,
    )


def _changed(event: RolloutChanged) -> Outgoing:
    return fact(
        ROLLOUTS,
        event,
        source=NAME,
        identity=uuid5(NAMESPACE, f"{event.rollout_id}/{event.version}"),
        system=event.system,
        time=event.changed_at,
    )


def _alert(alert: Alert, cause: str) -> Outgoing:
    return fact(
        ALERTS,
        alert,
        source=NAME,
        identity=uuid5(NAMESPACE, f"{cause}/{alert.rule}/{alert.status}"),
        system=alert.system,
        time=alert.ended_at or alert.started_at,
    )
