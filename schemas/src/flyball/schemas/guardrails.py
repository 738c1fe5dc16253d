"""The autonomy part of a system spec: classes of action, deny rules, and who approves within what time."""

from fnmatch import fnmatchcase
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, JsonValue, TypeAdapter

from flyball.schemas.base import Event, MicroUsd, Name, ShortText

SYSTEM_WIDE = "all"
"""The class under which a whole system is stopped. No spec can declare it."""
OPERATIONS_MAX = 64
DENY_RULES_MAX = 32
"""With these, a class before and after a change fits into one audit record, whatever its texts are."""
Pattern = Annotated[str, Field(min_length=1, max_length=128)]
"""``*`` matches any text, ``?`` one character."""
OnExpiry = Literal["halt", "continue", "park"]


def _class_name(name: str) -> str:
    if name == SYSTEM_WIDE:
        raise ValueError(f"{SYSTEM_WIDE!r} means every class of a system; choose another name")
    return _NAME.validate_python(name)


_NAME: TypeAdapter[str] = TypeAdapter(Name)
ActionClassName = Annotated[str, AfterValidator(_class_name)]
"""As every name. Checked here, for the comparison of schemas does not look behind a pattern of keys."""


class DenyRule(Event):
    """An action that matches every part is refused, at any level. ``*`` matches any text, ``?`` one character."""

    name: Name
    operation: Pattern = "*"
    target: Pattern = "*"
    parameter: ShortText | None = None
    """Looked at as text; an action without it does not match."""
    value: Pattern = "*"

    def matches(self, operation: str, target: str, parameters: dict[str, JsonValue]) -> bool:
        if not (fnmatchcase(operation, self.operation) and fnmatchcase(target, self.target)):
            return False
        if self.parameter is None:
            return True
        return self.parameter in parameters and fnmatchcase(str(parameters[self.parameter]), self.value)


class ActionClassSpec(Event):
    """What one class of action may do alone, and who is asked otherwise."""

    operations: tuple[Pattern, ...] = Field(default=(), max_length=OPERATIONS_MAX)
    """Those of this class, ``*`` matches any text; empty: all that no other class names."""
    level: int = Field(default=0, ge=0, le=4)
    """Where the first release starts. Raising it later changes nothing, lowering it takes effect at once."""
    cost_micro_usd_max: MicroUsd | None = None
    deny: tuple[DenyRule, ...] = Field(default=(), max_length=DENY_RULES_MAX)
    high_risk_operations: tuple[Pattern, ...] = Field(default=(), max_length=OPERATIONS_MAX)
    reviewers: tuple[ShortText, ...] = Field(default=(), max_length=32)
    """Empty: everybody with the role."""
    approvals_needed: int = Field(default=1, ge=1, le=5)
    severity: int = Field(default=2, ge=0, le=3)
    """Of its approvals: an answer is due in 15 minutes, 1 hour, 4 hours, 24 hours."""
    validity_minutes: int = Field(default=60, ge=1, le=43_200)
    """After this an approval is meaningless, and what waits for one has expired."""
    on_expiry: OnExpiry = "halt"
    """What the agent is told to do without the action that expired."""
    report_minutes_max: int = Field(default=60, ge=1, le=10_080)
    """An action that was allowed and of which nothing is heard for so long has failed."""


class AutonomySpec(Event):
    """Classes of action by name. What is not declared needs a person's approval."""

    action_classes: Annotated[dict[ActionClassName, ActionClassSpec], Field(max_length=64)] = {}
