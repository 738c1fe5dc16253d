"""Forms of what people ask for."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from flyball.schemas.base import DEFAULT_TENANT, Count, Name, ShortText, Text
from flyball.schemas.drift import FEATURES_MAX, DriftType, FeatureReference
from flyball.schemas.native import Release

Person = Annotated[str, Field(pattern=r"^user:[^\x00]{1,200}$")]
"""Whoever asks, as console knows them."""
Reason = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00]*$")]


class _Form(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    tenant: Name = DEFAULT_TENANT
    system: Name
    actor: Person


class Approval(_Form):
    """A reference that somebody made, from a file for example."""

    release: Release | None = None
    rows: Count
    features: Annotated[dict[ShortText, FeatureReference], Field(max_length=FEATURES_MAX)] = {}
    source: Text


class Rebasing(_Form):
    """What is now is normal: learn it."""

    reason: Reason


class Acknowledgement(_Form):
    """Somebody knows of this drift; tell again when there is another."""

    feature: ShortText
    type: DriftType = "data"
    reason: Reason
