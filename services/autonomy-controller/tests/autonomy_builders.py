"""Requests, specs and classes for the tests."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

from autonomy_controller.domain.actions import Circumstances
from autonomy_controller.domain.changes import applied
from autonomy_controller.domain.classes import undeclared
from autonomy_controller.domain.sampling import Salt
from autonomy_controller.domain.standings import spec_of
from autonomy_controller.domain.state import ClassState, Standing
from flyball.schemas.autonomy import ActionRequested
from flyball.schemas.guardrails import SYSTEM_WIDE, ActionClassSpec, AutonomySpec, DenyRule
from flyball.schemas.registry import Owners, SystemRevision, SystemSpec

START = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
SALT = Salt("salt-1", b"k" * 32)
EMPTY = Standing(tenant="default", system="support")


def request(**changes: Any) -> ActionRequested:
    """A low-risk read unless told otherwise."""
    given = {
        "kind": "requested",
        "action_id": str(uuid4()),
        "system": "support",
        "release": "2.1.0",
        "action_class": "orders",
        "operation": "order.read",
        "target": "order/1",
        "write": False,
        "confidence": 0.9,
        "deadline": START + timedelta(seconds=30),
        "requested_at": START,
    }
    return ActionRequested.model_validate(given | changes)


def spec(level: int = 0, **changes: Any) -> SystemSpec:
    orders = ActionClassSpec(
        operations=("order.*",),
        level=level,
        cost_micro_usd_max=1_000_000,
        deny=(DenyRule(name="no-gifts", parameter="method", value="gift*"),),
        high_risk_operations=("order.bulk*",),
    ).model_copy(update=changes)
    autonomy = AutonomySpec(action_classes={"orders": orders})
    return SystemSpec(system="support", owners=Owners(technical="ada"), autonomy=autonomy)


def revision(version: int, declared: SystemSpec, at: datetime = START) -> SystemRevision:
    return SystemRevision(version=version, effective_at=at, author="grace", spec=declared)


def classes_at(level: int = 0, **changes: Any) -> dict[str, ClassState]:
    """The classes of a system that starts at ``level``."""
    newest = revision(1, spec(level, **changes))
    names = ("orders", SYSTEM_WIDE)
    return {name: applied(spec_of(newest, name, EMPTY), None, ("default", "support", name), START) for name in names}


def circumstances(classes: dict[str, ClassState] | None = None, **changes: Any) -> Circumstances:
    held = classes_at() if classes is None else classes
    given: dict[str, Any] = {"classes": held, "parent": None, "salt": SALT, "now": START}
    return Circumstances(**(given | changes))


def nobody() -> ClassState:
    return undeclared("default", "support", "orders", START)
