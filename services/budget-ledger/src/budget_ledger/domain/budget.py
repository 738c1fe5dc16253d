"""One budget: its balances, the sums of its window, and how postings change them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from budget_ledger.domain.entries import Balances, BudgetId, Chain, Circumstances, Entry, Posting

WEIGHT_UNIT = 1_000_000_000
"""Sampling weights are kept in thousandths: an event judged with certainty weighs 1,000."""


@dataclass(frozen=True, slots=True)
class Sums:
    """What happened in a span of time. Weights are 1/p in thousandths, p the chance of having been judged."""

    granted: int = 0
    burned: int = 0
    events: int = 0
    bad: int = 0
    weight: int = 0
    bad_weight: int = 0
    squared_weight: int = 0

    def plus(self, other: "Sums", sign: int = 1) -> "Sums":
        return Sums(
            self.granted + sign * other.granted,
            self.burned + sign * other.burned,
            self.events + sign * other.events,
            self.bad + sign * other.bad,
            self.weight + sign * other.weight,
            self.bad_weight + sign * other.bad_weight,
            self.squared_weight + sign * other.squared_weight,
        )


@dataclass(frozen=True, slots=True)
class Minute:
    """Interactions of one minute, and the points booked for it so far."""

    good: int = 0
    bad: int = 0
    booked: int = 0


@dataclass(frozen=True, slots=True)
class Budget:
    """The state of one budget, read in O(1) however long its history is."""

    chain: Chain
    balances: Balances = field(default_factory=Balances)
    window: Sums = field(default_factory=Sums)
    zone: str = "no_data"
    zone_since: datetime | None = None
    improving_since: datetime | None = None
    policy_version: int = 0

    @property
    def id(self) -> BudgetId:
        return self.chain.budget

    @property
    def remaining_ppm(self) -> int | None:
        """Available / granted of the window in millionths, rounded down; None while nothing was granted."""
        if self.window.granted <= 0:
            return None
        return (self.window.granted - self.window.burned) * 1_000_000 // self.window.granted


@dataclass(frozen=True, slots=True)
class Book:
    """A budget with the hours and minutes of its window that this batch needs."""

    budget: Budget
    hours: Mapping[datetime, Sums] = field(default_factory=dict)
    minutes: Mapping[datetime, Minute] = field(default_factory=dict)

    def post(self, postings: Sequence[Posting], circumstances: Circumstances) -> tuple["Book", list[Entry]]:
        """Append postings to the chain and move the balances."""
        chain, balances, entries = self.budget.chain, self.budget.balances, []
        for posting in postings:
            chain, entry = chain.append(posting, circumstances)
            balances = balances.after(posting)
            entries.append(entry)
        budget = replace(self.budget, chain=chain, balances=balances, policy_version=circumstances.policy_version)
        return replace(self, budget=budget), entries

    def add(self, hour: datetime, sums: Sums) -> "Book":
        """Add to the window and to the hour, which will leave it one day."""
        hours = {**self.hours, hour: self.hours.get(hour, Sums()).plus(sums)}
        budget = replace(self.budget, window=self.budget.window.plus(sums))
        return replace(self, budget=budget, hours=hours)
