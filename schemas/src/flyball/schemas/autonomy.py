"""``agent.actions.v1``, ``agent.decisions.v1`` and ``autonomy.levels.v1``: who may do what alone."""

import math
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field, JsonValue

from flyball.schemas.audit import Digest
from flyball.schemas.base import (
    DEFAULT_TENANT,
    Count,
    Event,
    Fraction,
    Identifier,
    MicroUsd,
    Name,
    ShortText,
    Text,
    UtcTime,
)
from flyball.schemas.digest import canonical, digest_of
from flyball.schemas.guardrails import DENY_RULES_MAX, OPERATIONS_MAX, DenyRule, OnExpiry, Pattern
from flyball.schemas.native import Release

PARAMETERS_BYTES_MAX = 65_536
"""Of the canonical form: an action is copied into its decision and its audit record, which must fit a topic."""
EPOCHS_MAX = 8
"""Evidence epochs that one level record holds, the newest."""
ANOMALIES_MAX = 16

Level = Annotated[int, Field(ge=0, le=4)]
"""L0 human-driven, L1 assisted, L2 monitored, L3 supervised, L4 autonomous."""
Verdict = Literal["allow", "require_approval", "deny"]
End = Literal["executed", "denied", "expired", "failed"]
ActionId = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:-]{0,127}$")]
ReplyTopic = Annotated[str, Field(pattern=r"^agent\.replies\.[A-Za-z0-9._-]{1,100}$")]
"""An agent names where it is answered, so the name must never lead into a topic of ours."""


def _bounded(parameters: dict[str, JsonValue]) -> dict[str, JsonValue]:
    size = len(canonical(parameters))
    if size > PARAMETERS_BYTES_MAX:
        raise ValueError(f"parameters have {size} bytes, {PARAMETERS_BYTES_MAX} are allowed; refer to large inputs")
    return parameters


def _known(confidence: object) -> object:
    """A confidence that is no number from 0 to 1 says nothing, which is high risk, never a reason to lose a request."""
    if isinstance(confidence, bool) or not isinstance(confidence, int | float) or not math.isfinite(confidence):
        return None
    return float(confidence) if 0 <= confidence <= 1 else None


Parameters = Annotated[dict[ShortText, JsonValue], Field(max_length=256), AfterValidator(_bounded)]
Confidence = Annotated[Fraction | None, BeforeValidator(_known)]


class ActionRequested(Event):
    """An agent asks whether it may do something. Missing confidence, or unreadable arguments, is high risk."""

    kind: Literal["requested"]
    action_id: ActionId
    tenant: Name = DEFAULT_TENANT
    system: Name
    release: Release
    evidence_epoch: ShortText | None = None
    """Hash of model, prompt, tools and policy; None: the release stands for it."""
    action_class: Name
    operation: Text
    target: Text
    parameters: Parameters = {}
    arguments_readable: bool = True
    """False: what the agent was about to do could not be written down completely."""
    write: bool = True
    sensitive: bool = False
    cost_micro_usd: MicroUsd | None = None
    confidence: Confidence = None
    requester: Text | None = None
    """The person on whose behalf; never among those who approve."""
    parent_system: Name | None = None
    """A sub-agent has the lower of its own and its parent's level."""
    deadline: UtcTime
    """An answer after this is of no use: for a write, no answer means no."""
    reply_topic: ReplyTopic | None = None
    reply_partition: Count | None = None
    correlation_id: Identifier | None = None
    requested_at: UtcTime

    @property
    def epoch(self) -> str:
        return self.evidence_epoch or f"release {self.release}"[:64]

    @property
    def digest(self) -> str:
        """What an approval is bound to: operation, agent, target and parameters, and nothing else."""
        return digest_of(
            {
                "operation": self.operation,
                "agent": f"{self.tenant}/{self.system}",
                "target": self.target,
                "parameters": self.parameters,
            }
        )


class ActionReported(Event):
    """What became of an action that was allowed, told by the agent that ran it."""

    kind: Literal["reported"]
    action_id: ActionId
    tenant: Name = DEFAULT_TENANT
    system: Name
    end: Literal["executed", "failed"]
    detail: str = Field(default="", max_length=1_024)
    reported_at: UtcTime


AgentAction = Annotated[ActionRequested | ActionReported, Field(discriminator="kind")]


class ActionDecided(Event):
    """An answer. The same action id always has the same answer; ``digest`` binds it to exactly this action.

    Whether it will be audited is not in here: an agent must not be able to tell.
    """

    kind: Literal["decided"]
    action_id: ActionId
    tenant: Name = DEFAULT_TENANT
    system: Name
    action_class: Name
    evidence_epoch: ShortText
    verdict: Verdict
    rule: ShortText
    """The rule that decided."""
    reason: Text
    risks: tuple[ShortText, ...] = Field(default=(), max_length=8)
    """What makes it high risk; empty for a low one."""
    level: Level
    digest: Digest
    policy_version: Count
    next_level_verdict: Verdict
    """What the next level would have done: the shadow decision."""
    decided_by: Literal["controller", "sdk"]
    review_id: Identifier | None = None
    valid_until: UtcTime | None = None
    """Until when an approval can be given and used."""
    on_expiry: OnExpiry | None = None
    """What to do without the action if it expires."""
    correlation_id: Identifier | None = None
    request: ActionRequested | None = None
    """What was decided about, where the decision was made away from the controller."""
    decided_at: UtcTime


class ActionEnded(Event):
    """How an action ended. Every action ends exactly once, and the controller alone says so."""

    kind: Literal["ended"]
    action_id: ActionId
    tenant: Name = DEFAULT_TENANT
    system: Name
    end: End
    detail: str = Field(default="", max_length=1_024)
    ended_at: UtcTime


DecisionRecord = Annotated[ActionDecided | ActionReported | ActionEnded, Field(discriminator="kind")]


class EpochLevel(Event):
    """The level of one evidence epoch of one class of action."""

    evidence_epoch: ShortText
    release: Release
    level: Level
    since: UtcTime
    reason: Text


class LevelSet(Event):
    """Levels and rules of one class of action of one system. Newest wins; compacted by system and action class."""

    kind: Literal["level"]
    tenant: Name = DEFAULT_TENANT
    system: Name
    action_class: Name
    policy_version: Count
    operations: tuple[Pattern, ...] = Field(default=(), max_length=OPERATIONS_MAX)
    """Those of this class, ``*`` matches any text; empty: all that no other class names."""
    starting_level: Level = 0
    """Of a system's first epoch."""
    levels: tuple[EpochLevel, ...] = Field(default=(), max_length=EPOCHS_MAX)
    """Newest epoch first."""
    killed: bool = False
    latched: bool = False
    """Latched at L0: two people must release it."""
    anomalies: tuple[Text, ...] = Field(default=(), max_length=ANOMALIES_MAX)
    """What is wrong now: open drift, a guardrail that fires. At L3 it stops what would run alone."""
    level_max: Level = 4
    """No epoch rises above this for now, whatever its own level."""
    deny_rules: tuple[DenyRule, ...] = Field(default=(), max_length=DENY_RULES_MAX)
    cost_micro_usd_max: MicroUsd | None = None
    high_risk_operations: tuple[Pattern, ...] = Field(default=(), max_length=OPERATIONS_MAX)
    reason: Text
    """Of the last change."""
    changed_at: UtcTime


class Heartbeat(Event):
    """Written to every partition every two seconds: autonomy is a lease, and this renews it."""

    kind: Literal["heartbeat"]
    at: UtcTime


AutonomyRecord = Annotated[LevelSet | Heartbeat, Field(discriminator="kind")]
