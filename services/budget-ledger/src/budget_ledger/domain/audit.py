"""Zone changes on the record, with all that is needed to judge them again."""

from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

from budget_ledger.domain.budget import Budget, Sums
from budget_ledger.domain.entries import BudgetId, Chain
from budget_ledger.domain.policy import Policy, Thresholds
from budget_ledger.domain.zones import with_zone
from flyball.schemas.audit import AuditRecord
from flyball.schemas.digest import digest_of

KIND = "budget.zone"
SERVICE = "budget-ledger"


def zone_change(before: Budget, after: Budget, policy: Policy, cause: str, now: datetime) -> AuditRecord:
    """The record of one change. Its inputs hold no number beyond 53 bits: points are written as text."""
    inputs = inputs_of(before, after.window, policy, now)
    return AuditRecord(
        tenant=after.id.tenant,
        system=after.id.system,
        service=SERVICE,
        kind=KIND,
        subject=str(after.id),
        actor=f"service:{SERVICE}",
        decision=after.zone,
        reason=f"{before.zone} to {after.zone}, caused by summary {cause}, entry {after.chain.sequence}",
        policy_version=policy.version,
        inputs=inputs,
        inputs_digest=digest_of(inputs),
        decided_at=now,
    )


def inputs_of(before: Budget, window: Sums, policy: Policy, now: datetime) -> dict[str, Any]:
    """What the zone was judged by: the zone so far, the window, the policy and the time."""
    return {
        "zone": before.zone,
        "zone_since": _text(before.zone_since),
        "improving_since": _text(before.improving_since),
        "window": {name: str(value) for name, value in asdict(window).items()},
        "target_ppm": policy.target_ppm,
        "weight_milli": policy.weight_milli,
        "events_min": policy.events_min,
        "zones": list(policy.thresholds.zones),
        "good_percent": policy.thresholds.good_percent,
        "poor_percent": policy.thresholds.poor_percent,
        "now": now.isoformat(),
    }


def decide_again(inputs: dict[str, Any]) -> str:
    """The zone that these inputs call for, by the code that runs today. Raises ``KeyError`` for inputs it lacks."""
    zones = inputs["zones"]
    policy = Policy(
        version=0,
        target_ppm=inputs["target_ppm"],
        weight_milli=inputs["weight_milli"],
        thresholds=Thresholds((zones[0], zones[1], zones[2]), inputs["good_percent"], inputs["poor_percent"]),
        events_min=inputs["events_min"],
        window=timedelta(),
    )
    before = Budget(
        chain=Chain(BudgetId("", "", "")),
        window=Sums(**{name: int(value) for name, value in inputs["window"].items()}),
        zone=inputs["zone"],
        zone_since=_time(inputs["zone_since"]),
        improving_since=_time(inputs["improving_since"]),
    )
    return with_zone(before, policy, datetime.fromisoformat(inputs["now"])).zone


def _text(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()


def _time(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)
