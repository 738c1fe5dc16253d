"""Rows of the ledger's tables as the domain's objects, and back."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from budget_ledger.domain.budget import Budget, Sums
from budget_ledger.domain.entries import Balances, BudgetId, Chain, Circumstances, Entry, Posting

ENTRY_COLUMNS = (
    "tenant",
    "system",
    "dimension",
    "sequence",
    "kind",
    "debit",
    "credit",
    "amount",
    "events",
    "sampling_ppm",
    "evaluator",
    "cause",
    "release",
    "effective_at",
    "recorded_at",
    "policy_version",
    "previous_hash",
    "hash",
)


def id_of(row: Mapping[str, Any]) -> BudgetId:
    return BudgetId(row["tenant"], row["system"], row["dimension"])


def sums_of(values: Sequence[Decimal]) -> Sums:
    return Sums(*(int(value) for value in values))


def budget_of(row: Mapping[str, Any]) -> Budget:
    return Budget(
        chain=Chain(id_of(row), row["sequence"], row["hash"]),
        balances=Balances(row["source"], row["available"], row["burned"], row["expired"]),
        window=sums_of(row["sums"]),
        zone=row["zone"],
        zone_since=row["zone_since"],
        improving_since=row["improving_since"],
        policy_version=row["policy_version"],
    )


def entry_row(entry: Entry) -> tuple[Any, ...]:
    posting, circumstances = entry.posting, entry.circumstances
    return (
        entry.budget.tenant,
        entry.budget.system,
        entry.budget.dimension,
        entry.sequence,
        posting.kind,
        posting.debit,
        posting.credit,
        posting.amount,
        posting.events,
        posting.sampling_ppm,
        posting.evaluator,
        circumstances.cause,
        circumstances.release,
        circumstances.effective_at,
        circumstances.recorded_at,
        circumstances.policy_version,
        entry.previous_hash,
        entry.hash,
    )


def entry_of(row: Mapping[str, Any]) -> Entry:
    return Entry(
        budget=id_of(row),
        sequence=row["sequence"],
        posting=Posting(
            row["kind"],
            row["debit"],
            row["credit"],
            row["amount"],
            row["events"],
            row["sampling_ppm"],
            row["evaluator"],
        ),
        circumstances=Circumstances(
            row["cause"], row["release"], row["effective_at"], row["recorded_at"], row["policy_version"]
        ),
        previous_hash=row["previous_hash"],
        hash=row["hash"],
    )
