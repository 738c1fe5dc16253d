"""Applies summaries one after another to the books of their systems."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from budget_ledger.domain.alerts import zone_alert
from budget_ledger.domain.audit import zone_change
from budget_ledger.domain.budget import Book
from budget_ledger.domain.decide import HOUR, decide, hour_of
from budget_ledger.domain.entries import BudgetId, Entry
from budget_ledger.domain.policy import DIMENSIONS, owner_at, policies_at
from budget_ledger.domain.statements import is_news, states
from flyball.schemas.alerts import Alert
from flyball.schemas.audit import AuditRecord
from flyball.schemas.budgets import BudgetStates
from flyball.schemas.registry import SystemRevision
from flyball.schemas.summaries import TelemetrySummary

SystemKey = tuple[str, str]
"""Tenant and system."""
Revisions = Mapping[SystemKey, Sequence[SystemRevision]]
NO_REVISIONS: Sequence[SystemRevision] = ()


@dataclass(frozen=True, slots=True)
class Item:
    """A summary with its id and the time the broker appended it."""

    summary: TelemetrySummary
    cause: str
    recorded_at: datetime

    @property
    def system(self) -> SystemKey:
        return self.summary.tenant, self.summary.system

    @property
    def scores(self) -> bool:
        """Does it say anything about any budget? Summaries of rejected records alone do not."""
        summary = self.summary
        return bool(summary.interactions.count or summary.evaluations or summary.guardrails)


@dataclass(frozen=True, slots=True)
class Needs:
    """What must be loaded, and locked, to apply a batch."""

    due_before: Mapping[SystemKey, datetime]
    """Per system: hours before this moment may have to leave the window."""
    hours: frozenset[datetime]
    minutes: frozenset[datetime]


@dataclass(slots=True)
class Outcome:
    """What a batch did."""

    books: dict[BudgetId, Book]
    entries: list[Entry] = field(default_factory=list)
    facts: list[BudgetStates] = field(default_factory=list)
    audits: list[AuditRecord] = field(default_factory=list)
    alerts: list[Alert] = field(default_factory=list)


def needs_of(items: Sequence[Item], revisions: Revisions) -> Needs:
    due_before: dict[SystemKey, datetime] = {}
    for item in items:
        policies = policies_at(*item.system, revisions.get(item.system, NO_REVISIONS), item.recorded_at)
        window = min((policy.window for policy in policies.values()), default=timedelta())
        due = item.recorded_at - window - HOUR + timedelta(microseconds=1)
        due_before[item.system] = max(due, due_before.get(item.system, due))
    starts = [item.summary.bucket_start for item in items]
    return Needs(
        due_before,
        frozenset(hour_of(start) for start in starts),
        frozenset(start.replace(second=0, microsecond=0) for start in starts),
    )


def apply(items: Sequence[Item], books: Mapping[BudgetId, Book], revisions: Revisions) -> Outcome:
    """Apply each summary in order. The books hold every dimension of every system among ``items``."""
    outcome = Outcome(dict(books))
    for item in items:
        _apply_one(item, outcome, revisions.get(item.system, NO_REVISIONS))
    return outcome


def _apply_one(item: Item, outcome: Outcome, revisions: Sequence[SystemRevision]) -> None:
    tenant, system = item.system
    policies = policies_at(tenant, system, revisions, item.recorded_at)
    news = False
    budgets = {}
    for dimension in DIMENSIONS:
        key = BudgetId(tenant, system, dimension)
        before = outcome.books[key]
        after, entries = decide(before, item.summary, item.cause, item.recorded_at, policies[dimension])
        outcome.books[key] = after
        outcome.entries += entries
        budgets[dimension] = after.budget
        news = news or is_news(before.budget, after.budget)
        if after.budget.zone != before.budget.zone:
            record = zone_change(before.budget, after.budget, policies[dimension], item.cause, item.recorded_at)
            outcome.audits.append(record)
            alert = zone_alert(before.budget, after.budget, policies[dimension], owner_at(revisions, item.recorded_at))
            outcome.alerts += [alert] if alert else []
    if news:
        outcome.facts.append(states(tenant, system, budgets, policies, item.cause, item.recorded_at))
