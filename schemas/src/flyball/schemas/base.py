"""What every event shares: immutability, strictness at the edge, bounds and units."""

from datetime import UTC, datetime
from typing import Annotated

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field

DEFAULT_TENANT = "default"
UNKNOWN_SYSTEM = "unknown"
"""The system a rejected record counts under when neither its subject nor its key can be read."""

NAME_PATTERN = r"^[a-z0-9][a-z0-9._-]{0,62}$"


def _to_utc(moment: datetime) -> datetime:
    try:
        return moment.astimezone(UTC)
    except OverflowError as error:
        raise ValueError("the time lies outside the years 1 to 9999 in UTC") from error


class Event(BaseModel):
    """A fact on a topic. Readers ignore fields they do not know, so that adding one breaks nobody."""

    model_config = ConfigDict(frozen=True, extra="ignore", strict=True, allow_inf_nan=False)


UtcTime = Annotated[AwareDatetime, AfterValidator(_to_utc)]
Name = Annotated[str, Field(pattern=NAME_PATTERN)]
"""A system, tenant or dimension: lower case, digits and ``. _ -``, at most 63 characters."""
Identifier = Annotated[str, Field(min_length=1, max_length=128)]
ShortText = Annotated[str, Field(min_length=1, max_length=64)]
Text = Annotated[str, Field(min_length=1, max_length=256)]
Count = Annotated[int, Field(ge=0)]
Tokens = Annotated[int, Field(ge=0, le=1_000_000_000)]
MicroUsd = Annotated[int, Field(ge=0, le=1_000_000_000_000)]
"""Money in millionths of a US dollar, one million dollars at most for one event."""
Milliseconds = Annotated[float, Field(ge=0, le=86_400_000)]
"""A duration in milliseconds, one day at most."""
Fraction = Annotated[float, Field(ge=0, le=1)]
Share = Annotated[float, Field(gt=0, le=1)]
SamplingRate = Annotated[float, Field(ge=0.000001, le=1)]
"""The chance that something had of being told at all, in no finer steps than millionths."""
Segment = Annotated[dict[ShortText, Text], Field(max_length=16)]
"""Labels of the traffic an event belongs to, for example ``{"market": "de"}``."""
