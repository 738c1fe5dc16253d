"""Applies one summary to one budget. Nothing here depends on how summaries were batched."""

from dataclasses import replace
from datetime import datetime, timedelta

from budget_ledger.domain.budget import WEIGHT_UNIT, Book, Minute, Sums
from budget_ledger.domain.entries import (
    AVAILABLE,
    BURN,
    BURNED,
    CORRECT,
    EXPIRE,
    EXPIRED,
    GRANT,
    PLAN_GRANT,
    SOURCE,
    Circumstances,
    Entry,
    Posting,
)
from budget_ledger.domain.observe import Observation, observations
from budget_ledger.domain.policy import Policy
from budget_ledger.domain.zones import with_zone
from flyball.schemas.registry import AVAILABILITY
from flyball.schemas.summaries import TelemetrySummary

HOUR = timedelta(hours=1)
MINUTE_SECONDS = 60
MILLION = 1_000_000


def decide(
    book: Book, summary: TelemetrySummary, cause: str, recorded_at: datetime, policy: Policy
) -> tuple[Book, list[Entry]]:
    """Post what the summary says, let old hours leave the window, and judge the zone."""
    circumstances = Circumstances(cause, summary.release or "", summary.bucket_start, recorded_at, policy.version)
    entries: list[Entry] = []
    for observation in observations(book.budget.id.dimension, summary, policy):
        apply = _score_minute if book.budget.id.dimension == AVAILABILITY else _score_events
        book, posted = apply(book, observation, circumstances, policy)
        entries += posted
    book, expired = _expire(book, circumstances, policy)
    return replace(book, budget=with_zone(book.budget, policy, recorded_at)), entries + expired


def _score_events(
    book: Book, observation: Observation, circumstances: Circumstances, policy: Policy
) -> tuple[Book, list[Entry]]:
    """Every scored event earns its share of the budget, every bad one spends."""
    sampling, evaluator = observation.sampling_ppm, observation.evaluator
    granted = observation.events * policy.grant_per_event(sampling)
    burned = observation.bad * policy.burn_per_event(sampling)
    postings = [Posting(GRANT, SOURCE, AVAILABLE, granted, observation.events, sampling, evaluator)]
    if burned:
        postings.append(Posting(BURN, AVAILABLE, BURNED, burned, observation.bad, sampling, evaluator))
    weight = WEIGHT_UNIT // sampling
    sums = Sums(
        granted=granted,
        burned=burned,
        events=observation.events,
        bad=observation.bad,
        weight=observation.events * weight,
        bad_weight=observation.bad * weight,
        squared_weight=observation.events * weight**2,
    )
    book, entries = book.post(postings, circumstances)
    return book.add(hour_of(circumstances.effective_at), sums), entries


def _score_minute(
    book: Book, observation: Observation, circumstances: Circumstances, policy: Policy
) -> tuple[Book, list[Entry]]:
    """A minute is up or down as a whole. Late events can turn it either way, so the booked points follow its counts."""
    at = circumstances.effective_at.replace(second=0, microsecond=0)
    before = book.minutes.get(at, Minute())
    good, bad = before.good + observation.good, before.bad + observation.bad
    down = good * MILLION < policy.minute_target_ppm * (good + bad)
    due = MINUTE_SECONDS * policy.burn_per_event(MILLION) if down else 0
    book, entries = book.post(_plan(book, policy) + _adjustment(before.booked, due), circumstances)
    book = _with_plan(book)
    sums = Sums(
        burned=due - before.booked,
        events=0 if before.good + before.bad else 1,
        bad=int(due > 0) - int(before.booked > 0),
    )
    book = book.add(hour_of(at), sums)
    return replace(book, minutes={**book.minutes, at: Minute(good, bad, due)}), entries


def _plan(book: Book, policy: Policy) -> list[Posting]:
    """A time budget is granted as a whole, once; a changed target or window grants or takes back the difference."""
    due, granted = policy.plan_grant(), -book.budget.balances.source
    seconds = int(policy.window.total_seconds())
    if due > granted:
        return [Posting(PLAN_GRANT, SOURCE, AVAILABLE, due - granted, seconds)]
    if due < granted:
        return [Posting(CORRECT, AVAILABLE, SOURCE, granted - due, seconds)]
    return []


def _with_plan(book: Book) -> Book:
    """The plan stands in the window as a whole: it belongs to no hour, so no hour takes it away."""
    granted = -book.budget.balances.source
    return replace(book, budget=replace(book.budget, window=replace(book.budget.window, granted=granted)))


def _adjustment(booked: int, due: int) -> list[Posting]:
    if due > booked:
        return [Posting(BURN, AVAILABLE, BURNED, due - booked, MINUTE_SECONDS)]
    if due < booked:
        return [Posting(CORRECT, BURNED, AVAILABLE, booked - due, MINUTE_SECONDS)]
    return []


def _expire(book: Book, circumstances: Circumstances, policy: Policy) -> tuple[Book, list[Entry]]:
    """Hours that have left the rolling window take their grants and burns with them."""
    cutoff = circumstances.recorded_at - policy.window
    entries: list[Entry] = []
    for hour in sorted(hour for hour in book.hours if hour + HOUR <= cutoff):
        sums = book.hours[hour]
        book, posted = book.post(_expiry(sums), replace(circumstances, effective_at=hour))
        entries += posted
        book = _without(book, hour, sums)
    return book, entries


def _without(book: Book, hour: datetime, sums: Sums) -> Book:
    """The book without an hour and its minutes. A minute that stayed would take back what has expired already."""
    return replace(
        book,
        budget=replace(book.budget, window=book.budget.window.plus(sums, sign=-1)),
        hours={other: kept for other, kept in book.hours.items() if other != hour},
        minutes={at: kept for at, kept in book.minutes.items() if hour_of(at) != hour},
    )


def _expiry(sums: Sums) -> list[Posting]:
    postings = []
    if sums.granted:
        postings.append(Posting(EXPIRE, AVAILABLE, EXPIRED, sums.granted, sums.events))
    if sums.burned:
        postings.append(Posting(EXPIRE, BURNED, AVAILABLE, sums.burned, sums.bad))
    return postings


def hour_of(moment: datetime) -> datetime:
    return moment.replace(minute=0, second=0, microsecond=0)
