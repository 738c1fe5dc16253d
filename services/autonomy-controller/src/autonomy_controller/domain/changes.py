"""Why a class of action changes. A cause is data: applied once when it happens, and again whenever somebody asks."""

from datetime import datetime, timedelta
from typing import Annotated, Literal

from pydantic import Field, TypeAdapter

from autonomy_controller.domain import classes
from autonomy_controller.domain.state import ClassState, Standing
from flyball.schemas.autonomy import ActionRequested
from flyball.schemas.base import Count, Event, ShortText, Text
from flyball.schemas.guardrails import ActionClassSpec

ALL_THE_WAY = 4
RESOLUTION = timedelta(microseconds=1)


class SpecInForce(Event):
    """A version of the spec took effect. ``declared`` is None where it does not name the class."""

    kind: Literal["spec"] = "spec"
    version: Count
    declared: ActionClassSpec | None
    owners: tuple[Text, ...]
    standing: Standing

    def apply(self, before: ClassState | None, empty: ClassState, now: datetime) -> ClassState:
        state = classes.registered(before or empty, self, now, is_new=before is None)
        return state if before else _as_the_others(state, self.standing, now)


class EpochSeen(Event):
    """An evidence epoch acted for the first time."""

    kind: Literal["epoch"] = "epoch"
    evidence_epoch: ShortText
    release: ShortText

    def apply(self, before: ClassState | None, empty: ClassState, now: datetime) -> ClassState:
        return classes.with_epoch(before or empty, self.evidence_epoch, self.release, now)


class BudgetsRed(Event):
    """These budgets became red."""

    kind: Literal["budgets"] = "budgets"
    dimensions: tuple[Text, ...]

    def apply(self, before: ClassState | None, empty: ClassState, now: datetime) -> ClassState:
        return classes.demoted(before or empty, 1, f"budget red: {', '.join(self.dimensions)}", now)


class DriftChanged(Event):
    """Episodes of drift that are open now; ``critical`` names the feature of one that has just become so."""

    kind: Literal["drift"] = "drift"
    episodes: dict[Text, ShortText]
    critical: ShortText | None

    def apply(self, before: ClassState | None, empty: ClassState, now: datetime) -> ClassState:
        state = before or empty
        if self.critical is not None:
            state = classes.demoted(state, ALL_THE_WAY, f"critical drift of {self.critical}", now)
        return classes.with_drift(state, self.episodes, now)


class Killed(Event):
    kind: Literal["kill"] = "kill"
    reason: Text

    def apply(self, before: ClassState | None, empty: ClassState, now: datetime) -> ClassState:
        return classes.killed(before or empty, self.reason, now)


class Released(Event):
    """One person agreed to end a kill."""

    kind: Literal["release"] = "release"
    person: Text

    def apply(self, before: ClassState | None, empty: ClassState, now: datetime) -> ClassState:
        return classes.released(before or empty, self.person, now)


class Promoted(Event):
    """Every gate held, and people signed."""

    kind: Literal["promotion"] = "promotion"
    evidence_epoch: ShortText
    level: int = Field(ge=1, le=4)
    signed_by: tuple[Text, ...]

    def apply(self, before: ClassState | None, empty: ClassState, now: datetime) -> ClassState:
        reason = f"promoted by {', '.join(self.signed_by)}"
        return classes.promoted(before or empty, self.evidence_epoch, self.level, reason, now)


class Lowered(Event):
    """A person took autonomy away."""

    kind: Literal["demotion"] = "demotion"
    level: int = Field(ge=0, le=3)
    person: Text
    reason: Text

    def apply(self, before: ClassState | None, empty: ClassState, now: datetime) -> ClassState:
        return classes.lowered_to(before or empty, self.level, f"lowered by {self.person}: {self.reason}", now)


Change = SpecInForce | EpochSeen | BudgetsRed | DriftChanged | Killed | Released | Promoted | Lowered
CHANGES: TypeAdapter[Change] = TypeAdapter(Annotated[Change, Field(discriminator="kind")])


def applied(change: Change, before: ClassState | None, key: tuple[str, str, str], now: datetime) -> ClassState:
    """The class after a change. Its time never goes back: a record that was read late changes what holds now.

    By that time agents tell the newest of its records.
    """
    if before is not None:
        now = max(now, before.control.changed_at + RESOLUTION)
    return change.apply(before, classes.undeclared(*key, now), now)


def seen(request: ActionRequested) -> EpochSeen:
    return EpochSeen(evidence_epoch=request.epoch, release=request.release)


def _as_the_others(state: ClassState, standing: Standing, now: datetime) -> ClassState:
    """A class that is new while its system is in trouble: a new name is no way out of it."""
    if standing.red:
        state = classes.demoted(state, 1, f"budget red: {', '.join(standing.red)}", now)
    if "critical" in standing.episodes.values():
        state = classes.demoted(state, ALL_THE_WAY, "critical drift", now)
    return classes.with_drift(state, standing.episodes, now)
