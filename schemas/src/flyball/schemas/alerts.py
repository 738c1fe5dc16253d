"""``alerts.v1``: what somebody must know. An alert that nobody could act on is not accepted."""

from typing import Annotated, Final, Literal

from pydantic import AfterValidator, AnyUrl, Field, UrlConstraints

from flyball.schemas.base import Count, Event, Name, ShortText, Text, UtcTime

FIRING: Final = "firing"
RESOLVED: Final = "resolved"

Severity = Annotated[int, Field(ge=0, le=3)]
"""0 is the worst. Response is due in 15 minutes, 1 hour, 4 hours, 24 hours."""


def _without_nul(text: str) -> str:
    # JSON strings may hold a NUL, which Postgres and many a pager cannot; an alert is not lost for that.
    return text.replace("\0", "\ufffd")


Sayable = AfterValidator(_without_nul)
Line = Annotated[Text, Sayable]
ShortLine = Annotated[ShortText, Sayable]
WebUrl = Annotated[AnyUrl, UrlConstraints(max_length=2_048, allowed_schemes=["http", "https"])]


class WireSeverity(Event):
    """A severity for the world outside: ``P1`` means an hour in one scheme and 15 minutes in the other."""

    scheme: Literal["p0p3", "p1p4"]
    value: Literal["P0", "P1", "P2", "P3", "P4"]


class Alert(Event):
    """One fact of one rule about one system. The same fingerprint is the same trouble, firing or resolved."""

    tenant: Name
    system: Name
    rule: Name
    """Which rule fired, for example ``budget.zone`` or ``drift.feature``."""
    fingerprint: Line
    severity: Severity
    status: Literal["firing", "resolved"]
    summary: Annotated[str, Field(min_length=1, max_length=512), Sayable]
    """What happened, in a sentence."""
    observed: Line
    """The number that was seen, with its unit."""
    threshold: Line
    """What it was held against."""
    window: ShortLine
    """The span of time it was seen in, for example ``1 h``."""
    sample_size: Count
    owner: Line
    runbook: WebUrl | None
    done_already: tuple[Line, ...] = Field(default=(), max_length=16)
    """What Flyball has done about it by itself."""
    labels: dict[ShortLine, Line] = Field(default={}, max_length=16)
    started_at: UtcTime
    """When the state that it speaks of began. A record that says less than an earlier one is out of date."""
    ended_at: UtcTime | None = None
