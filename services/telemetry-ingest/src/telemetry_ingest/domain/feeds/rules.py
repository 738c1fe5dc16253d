"""What is declared of a system's telemetry, by the time from which it holds."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from msgspec import Struct
from pydantic import TypeAdapter

from flyball.schemas.registry import Owners, SystemRegistered
from flyball.schemas.telemetry import TelemetryPolicy
from telemetry_ingest.domain.feeds.expectations import Expected, compiled
from telemetry_ingest.domain.feeds.prices import Tariff, agreed

NO_VERSION = 0
DAYS_DEFAULT: int = TelemetryPolicy().join_horizon_days
NOBODY = "nobody: the system's spec names no owner"


@dataclass(frozen=True, slots=True)
class Revision:
    """As much of a system's revision as telemetry is read by."""

    version: int
    effective_at: datetime
    owner: str
    telemetry: TelemetryPolicy


@dataclass(frozen=True, slots=True)
class Rules:
    """One revision, ready to be applied."""

    version: int
    owner: str
    policy: TelemetryPolicy
    expected: Mapping[type[Struct], tuple[Expected, ...]]
    tariffs: Mapping[str, Tariff]


REVISIONS: TypeAdapter[tuple[Revision, ...]] = TypeAdapter(tuple[Revision, ...])


def rules_of(revision: Revision) -> Rules:
    policy = revision.telemetry
    tariffs = {name: agreed(price) for name, price in policy.prices.items()}
    return Rules(revision.version, revision.owner, policy, compiled(policy), tariffs)


def revisions_of(registered: SystemRegistered) -> tuple[Revision, ...]:
    return tuple(
        Revision(one.version, one.effective_at, owner_of(one.spec.owners), one.spec.telemetry)
        for one in registered.revisions
    )


def owner_of(owners: Owners) -> str:
    return (owners.operations or owners.technical or owners.business or NOBODY).replace("\0", "\ufffd")


UNDECLARED = Rules(NO_VERSION, NOBODY, TelemetryPolicy(), {}, {})


class Declaration:
    """All that is declared of one system, by append time."""

    def __init__(self, revisions: Sequence[Revision]) -> None:
        self.newest = max((one.version for one in revisions), default=NO_VERSION)
        # Only the last twenty revisions are kept; what came before them was declared as well.
        self._is_cut_off = bool(revisions) and min(one.version for one in revisions) > 1
        self._revisions = [(_milliseconds(one.effective_at), rules_of(one)) for one in revisions]
        self._join_days = {DAYS_DEFAULT, *(one.telemetry.join_horizon_days for one in revisions)}
        self._rules, self._from_ms, self._until_ms = UNDECLARED, math.inf, -math.inf

    def at(self, at_ms: int) -> Rules:
        """What holds for a record that the broker appended at that time."""
        if not self._from_ms <= at_ms < self._until_ms:
            self._look_up(at_ms)
        return self._rules

    @property
    def expects_nothing(self) -> bool:
        """Has no revision ever had expectations?"""
        return not any(rules.expected for _, rules in self._revisions)

    @property
    def joins_alike(self) -> bool:
        """Has its horizon of joins never been another one?"""
        return len(self._join_days) == 1

    def join_days(self, at_ms: int) -> tuple[int, ...]:
        """The horizon of joins that holds then, and after it others that its events may wait under."""
        days = self.at(at_ms).policy.join_horizon_days
        return days, *sorted(self._join_days - {days, 0})

    def is_declared_at(self, at_ms: int) -> bool:
        return self._is_cut_off or self.at(at_ms) is not UNDECLARED

    def _look_up(self, at_ms: int) -> None:
        """Find the revision, and for how long it is the answer: times hardly ever go back."""
        begun = [one for one in self._revisions if one[0] <= at_ms]
        self._rules = max((rules for _, rules in begun), key=lambda one: one.version, default=UNDECLARED)
        self._from_ms = max((start for start, _ in begun), default=-math.inf)
        self._until_ms = min((start for start, _ in self._revisions if start > at_ms), default=math.inf)


def _milliseconds(moment: datetime) -> int:
    """A revision holds from the first millisecond that is not before it."""
    return math.ceil(moment.timestamp() * 1_000)


NOT_DECLARED = Declaration(())
