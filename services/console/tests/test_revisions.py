"""A system's spec changes by revisions."""

from datetime import UTC, datetime, timedelta

from console.domain.revisions import Registration, register
from flyball.schemas.registry import REVISIONS_MAX, SystemSpec

NOW = datetime(2026, 11, 21, 9, 30, tzinfo=UTC)
NOTICE = timedelta(seconds=30)


def applied(*days: int, at: datetime = NOW) -> Registration:
    """Specs with these windows, one after the other."""
    registration = Registration((), changed=False)
    for window_days in days:
        spec = SystemSpec(system="support", window_days=window_days)
        registration = register(registration.revisions, spec, "ada", at, NOTICE)
    return registration


def test_the_first_revision_holds_after_the_notice() -> None:
    current = applied(30).current
    assert (current.version, current.author, current.effective_at) == (1, "ada", NOW + NOTICE)


def test_the_same_spec_again_adds_nothing() -> None:
    again = applied(30, 30)
    assert not again.changed
    assert len(again.revisions) == 1


def test_a_spec_that_comes_back_is_a_revision_of_its_own() -> None:
    assert [revision.spec.window_days for revision in applied(30, 7, 30).revisions] == [30, 7, 30]


def test_versions_rise_when_the_oldest_revisions_are_forgotten() -> None:
    registration = applied(*(1 + n % 2 for n in range(REVISIONS_MAX + 5)))
    assert [revision.version for revision in registration.revisions] == list(range(6, REVISIONS_MAX + 6))


def test_a_clock_that_is_behind_does_not_put_a_revision_before_the_last() -> None:
    first = applied(30)
    behind = NOW - timedelta(minutes=5)
    second = register(first.revisions, SystemSpec(system="support", window_days=7), "bob", behind, NOTICE)
    assert second.current.effective_at == first.current.effective_at
