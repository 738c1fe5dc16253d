"""What people send to the HTTP port."""

from datetime import datetime, timedelta
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from flyball.schemas.base import DEFAULT_TENANT, Name, UtcTime
from flyball.schemas.incidents import IncidentState
from notifier.domain.inputs import Silence
from notifier.domain.matchers import checked
from notifier.domain.policy import Matcher, Operation

BODY_BYTES_MAX = 65_536
SILENCE_MAX = timedelta(days=366)


def _sayable(text: str) -> str:
    if "\0" in text:
        raise ValueError("a NUL cannot be stored")
    return text


Line = Annotated[str, Field(min_length=1, max_length=256), AfterValidator(_sayable)]


class Body(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    tenant: Name = DEFAULT_TENANT


class ActorBody(Body):
    """Who acknowledges or resolves."""

    actor: Line


class MoveBody(ActorBody):
    state: IncidentState


class MatcherBody(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    name: Line
    operation: Operation = "="
    value: Annotated[str, Field(max_length=256), AfterValidator(_sayable)]

    @model_validator(mode="after")
    def _check(self) -> "MatcherBody":
        checked(self.matcher())
        return self

    def matcher(self) -> Matcher:
        return Matcher(name=self.name, operation=self.operation, value=self.value)


class SilenceBody(Body):
    """A silence. Without a matcher it would silence everything, so it needs one."""

    matchers: Annotated[list[MatcherBody], Field(min_length=1, max_length=16)]
    starts_at: UtcTime | None = None
    ends_at: UtcTime
    author: Line
    comment: Line

    def silence(self, identity: str, now: datetime) -> Silence:
        """Raises ``ValueError`` for one that would be over before it began, or that lasts more than a year."""
        starts_at = self.starts_at or now
        if not max(starts_at, now) < self.ends_at <= starts_at + SILENCE_MAX:
            raise ValueError("ends_at must lie in the future, after starts_at, and within 366 days of it")
        matchers = tuple(matcher.matcher() for matcher in self.matchers)
        return Silence(identity, matchers, starts_at, self.ends_at, self.author, self.comment)
