"""What people may ask for over HTTP. Strict: a field that is not known is refused, not ignored."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, model_validator

from flyball.schemas.base import DEFAULT_TENANT, Count, Name, ShortText, Text
from flyball.schemas.native import Release
from flyball.schemas.rollouts import RolloutPolicy
from rollback_executor.domain.inputs import CommandKind

DEFAULT_ENVIRONMENT = "production"
Person = Annotated[str, Field(pattern=r"^(user|service):[^\x00]{1,200}$")]
Reason = Annotated[str, Field(min_length=1, max_length=512)]


class Request(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class AskedPolicy(RolloutPolicy):
    """A record may have fields that we do not know; a rule that somebody asks for may not."""

    model_config = ConfigDict(extra="forbid")


class Proposal(Request):
    """``POST /v1/rollouts``"""

    tenant: Name = DEFAULT_TENANT
    system: Name
    environment: Name = DEFAULT_ENVIRONMENT
    baseline: Release
    candidate: Release
    adapter: ShortText = "redis"
    requested_by: Person
    approved_by: Person | None = None
    """Starts at once; without it somebody approves it later."""
    reason: Reason = "proposed"
    override: Reason | None = None
    """Why it starts although the gate is closed. A person says so, and it is on the record."""
    policy: AskedPolicy = AskedPolicy()

    @model_validator(mode="after")
    def _is_a_person(self) -> "Proposal":
        if self.override is not None and not self.requested_by.startswith("user:"):
            raise ValueError("override: only a person opens a closed gate, so requested_by must be user:<name>")
        return self


class CommandRequest(Request):
    """``POST /v1/rollouts/{id}/commands``"""

    command: CommandKind
    epoch: Count
    actor: Person
    reason: Reason


class RollbackRequest(Request):
    """``POST /v1/rollbacks``"""

    tenant: Name = DEFAULT_TENANT
    system: Name
    environment: Name = DEFAULT_ENVIRONMENT
    actor: Person
    reason: Reason
    to: Release | None = None
    """Else the release that was there before the newest rollout."""
    dry_run: bool = False
    """Say what would happen, and change nothing."""


class GateRequest(Request):
    """``POST /v1/gates/deploy``"""

    tenant: Name = DEFAULT_TENANT
    system: Name
    environment: Name = DEFAULT_ENVIRONMENT
    release: Release
    actor: Person


class RouteQuestion(Request):
    """``GET /v1/route``"""

    tenant: Name = DEFAULT_TENANT
    system: Name
    environment: Name = DEFAULT_ENVIRONMENT
    unit: Text
