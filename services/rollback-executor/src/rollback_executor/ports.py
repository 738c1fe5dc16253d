"""What the service needs from outside its domain."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from flyball.schemas.budgets import BudgetStates
from flyball.schemas.registry import SystemRegistered, SystemRevision
from flyball.schemas.rollouts import RolloutPolicy
from flyball.schemas.summaries import TelemetrySummary
from rollback_executor.domain.facts import Fact
from rollback_executor.domain.inputs import Input
from rollback_executor.domain.rollout import Pointer, Rollout

SystemKey = tuple[str, str]
"""Tenant and system."""


class TargetRefusedError(Exception):
    """The target will not do it, however often it is asked: the order is stale, or wrong."""


@dataclass(frozen=True, slots=True)
class TargetName:
    """What a pointer stands for."""

    tenant: str
    system: str
    environment: str

    def __str__(self) -> str:
        return f"{self.tenant}/{self.system}/{self.environment}"


class Target(Protocol):
    """Where traffic is switched. One for each tenant, system and environment; every adapter keeps these promises."""

    @property
    def supports_partial(self) -> bool:
        """Can the candidate take a share that is neither nothing nor everything?"""
        ...

    async def snapshot(self) -> Pointer | None:
        """What the target holds now; None when it never held anything. Raises ``Transient`` while it is away."""
        ...

    async def apply(self, token: Pointer, epoch: int) -> None:
        """Hold ``token`` from now on. Asking again with the same epoch and token changes nothing.

        Raises ``TargetRefusedError`` when a newer epoch was here (nothing changed), and ``Transient`` when nobody
        knows whether it worked.
        """
        ...

    async def observe(self) -> Mapping[str, str]:
        """The release that each replica really runs, by replica. Raises ``Transient`` while it is away."""
        ...


class Targets(Protocol):
    def target(self, adapter: str, name: TargetName) -> Target | None:
        """The target behind an adapter; None when there is no such adapter here."""
        ...

    def known(self) -> Sequence[str]: ...


@dataclass(frozen=True, slots=True)
class Tracked:
    """A rollout with the rules that it was proposed under."""

    rollout: Rollout
    policy: RolloutPolicy
    ticked_at: datetime


@dataclass(frozen=True, slots=True)
class System:
    """What is known of a system when a rollout of it is proposed."""

    revisions: Sequence[SystemRevision]
    budgets: BudgetStates | None
    automatic_rollback_at: datetime | None


@dataclass(frozen=True, slots=True)
class Order:
    """An intent whose receipt is awaited."""

    rollout_id: str
    name: TargetName
    adapter: str
    epoch: int
    step: str
    token: Pointer
    attempts: int


class Rollouts(Protocol):
    """What is known of systems and their rollouts, within one transaction."""

    async def register(self, event: SystemRegistered) -> None:
        """Keep the revisions of a system's spec."""
        ...

    async def keep_budgets(self, event: BudgetStates) -> BudgetStates | None:
        """Keep the newest states of a system's budgets; return those before. Locks the system."""
        ...

    async def count_traffic(self, summaries: Sequence[TelemetrySummary]) -> None:
        """Add interactions by minute and release."""
        ...

    async def watched(self, systems: Collection[SystemKey]) -> Mapping[SystemKey, Sequence[Tracked]]:
        """Rollouts that inputs still concern, oldest first, by system. Locks the systems, in the order of names."""
        ...

    async def system(self, key: SystemKey) -> System:
        """Locks the system."""
        ...

    async def requests_per_second(self, key: SystemKey, at: datetime) -> float | None:
        """Of the last 10 minutes; None without any."""
        ...

    async def last_epoch(self, name: TargetName) -> int:
        """The last epoch given out for a target, 0 when there was none."""
        ...

    async def find(self, rollout_id: str) -> Tracked | None: ...

    async def newest(self, name: TargetName) -> Tracked | None: ...

    async def earlier_releases(self, name: TargetName) -> Sequence[str]:
        """The last five releases that took all traffic of a target, newest first."""
        ...

    async def open_rollout(self, opening: Tracked, facts: Sequence[Fact]) -> None:
        """Store a new rollout with its state before the first input. Older ones of its target are watched no more."""
        ...

    async def save(self, after: Tracked, inputs: Sequence[Input], facts: Sequence[Fact], at: datetime) -> None:
        """Store a rollout after these inputs, the inputs, and what followed."""
        ...

    async def settle(self, order: Order, outcome: str, detail: str, at: datetime) -> None:
        """The receipt of an order."""
        ...


class Queue(Protocol):
    """What there is to do, asked outside of any transaction of the caller."""

    async def watched_systems(self) -> Sequence[SystemKey]: ...

    async def forget_traffic(self, at: datetime) -> None:
        """Forget counts of more than an hour ago."""
        ...

    async def claim_orders(self, at: datetime) -> Sequence[Order]:
        """Orders that are due. No other replica gets them before the next try."""
        ...
