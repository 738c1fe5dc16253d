"""Whatever comes, in whatever batches: accounts sum to zero, the chain holds, and replay gives the same bytes."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from ledger_builders import START, budget, new_books, play, summary

from budget_ledger.domain.batch import Item, Outcome, apply
from budget_ledger.domain.entries import GENESIS_HASH, BudgetId, Entry, entry_hash
from flyball.schemas.registry import ACCURACY, AVAILABILITY
from flyball.schemas.summaries import TelemetrySummary

SMALL = st.integers(0, 50)
SUMMARY = st.builds(
    lambda seconds, outcomes, judged, sampling, attacks: summary(
        START + timedelta(seconds=10 * seconds),
        interactions=outcomes,
        judged=judged,
        sampling_ppm=sampling,
        attacks=attacks,
    ),
    st.integers(0, 360 * 24 * 60),
    st.lists(st.tuples(st.sampled_from(["ok", "ok", "timeout"]), st.integers(1, 9_000)), max_size=5),
    st.tuples(SMALL, SMALL),
    st.sampled_from([1_000_000, 333_333, 10_000]),
    st.tuples(SMALL, SMALL),
)
STREAM = st.lists(SUMMARY, min_size=1, max_size=30)


def recorded(stream: Sequence[TelemetrySummary]) -> list[datetime]:
    """Append times never fall, however late the events are."""
    times: list[datetime] = []
    for each in stream:
        times.append(max([each.bucket_start + timedelta(seconds=1), *times[-1:]]))
    return times


@settings(max_examples=80)
@given(STREAM)
def test_accounts_sum_to_zero_and_the_window_is_what_is_open(stream: list[TelemetrySummary]) -> None:
    outcome = play(stream, recorded=recorded(stream))
    for book in outcome.books.values():
        state = book.budget
        assert state.balances.total == 0
        assert state.balances.burned == state.window.burned
        assert state.balances.available == state.window.granted - state.window.burned
        hours = book.hours.values()
        assert sum(sums.burned for sums in hours) == state.window.burned
        assert sum(sums.events for sums in hours) == state.window.events
    balances: dict[BudgetId, dict[str, int]] = {}
    for entry in outcome.entries:
        accounts = balances.setdefault(entry.budget, {})
        accounts[entry.posting.debit] = accounts.get(entry.posting.debit, 0) - entry.posting.amount
        accounts[entry.posting.credit] = accounts.get(entry.posting.credit, 0) + entry.posting.amount
    for key, accounts in balances.items():
        state = outcome.books[key].budget
        assert accounts.get("available", 0) == state.balances.available
        assert accounts.get("burned", 0) == state.balances.burned


@settings(max_examples=60)
@given(STREAM, st.integers(1, 7))
def test_replay_in_any_batches_gives_the_same_bytes(stream: list[TelemetrySummary], size: int) -> None:
    times = recorded(stream)
    items = [Item(each, f"cause-{n}", at) for n, (each, at) in enumerate(zip(stream, times, strict=True))]
    whole = apply(items, new_books(), {})
    pieces: list[Entry] = []
    facts: list[Any] = []
    step = Outcome(new_books())
    for at in range(0, len(items), size):
        step = apply(items[at : at + size], step.books, {})
        pieces += step.entries
        facts += step.facts
    assert pieces == whole.entries
    assert facts == whole.facts
    assert step.books == whole.books


@settings(max_examples=40)
@given(STREAM)
def test_the_chain_of_each_budget_holds(stream: list[TelemetrySummary]) -> None:
    chains: dict[BudgetId, list[Entry]] = {}
    for entry in play(stream, recorded=recorded(stream)).entries:
        chains.setdefault(entry.budget, []).append(entry)
    for entries in chains.values():
        assert entries[0].previous_hash == GENESIS_HASH
        assert [entry.sequence for entry in entries] == list(range(1, len(entries) + 1))
        assert all(before.hash == after.previous_hash for before, after in pairwise(entries))
        for e in entries:
            assert e.hash == entry_hash(e.budget, e.sequence, e.posting, e.circumstances, e.previous_hash)


@settings(max_examples=60)
@given(st.lists(st.lists(st.sampled_from(["ok", "timeout"]), min_size=1, max_size=4), min_size=1, max_size=12))
def test_a_minute_is_booked_by_its_counts_in_any_order(parts: list[list[str]]) -> None:
    """Late events turn a minute up or down again; what stays booked is what its final counts call for."""
    stream = [summary(START, interactions=[(outcome, 10) for outcome in part]) for part in parts]
    outcomes = [outcome for part in parts for outcome in part]
    down = outcomes.count("ok") < 0.995 * len(outcomes)
    for order in (stream, stream[::-1]):
        state = budget(play(order), AVAILABILITY)
        assert state.window.burned == (60_000_000 if down else 0)
        assert (state.window.events, state.window.bad) == (1, int(down))


def test_hours_leave_the_window_with_what_they_granted_and_burned() -> None:
    first = summary(START, judged=(90, 10))
    later = summary(START + timedelta(days=30, hours=2), judged=(100, 0))
    state = budget(play([first, later]), ACCURACY)
    assert (state.window.granted, state.window.burned, state.window.events) == (5_000_000, 0, 100)
    assert state.balances.expired == 5_000_000
    assert state.balances.total == 0


def test_downtime_leaves_the_window_and_the_plan_stays() -> None:
    down = summary(START, interactions=[("timeout", 10)])
    later = summary(START + timedelta(days=30, hours=2), interactions=[("ok", 10)])
    state = budget(play([down, later]), AVAILABILITY)
    assert (state.window.granted, state.window.burned) == (2_592_000_000, 0)
