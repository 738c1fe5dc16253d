"""Feeds, their release, and systems that nobody has declared, against a small server in console's place."""

from typing import Any

import pytest
from test_governing import Flyball, cells

from flyball.cli.spec_file import read_specs


@pytest.fixture
def flyball(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], console: Any) -> Flyball:
    return Flyball(monkeypatch, capsys, console.url)


def test_a_feed_says_why_it_is_in_quarantine_and_how_it_ends(flyball: Flyball) -> None:
    done = flyball("feeds", "list")
    assert cells(done.out.splitlines()[1])[:3] == ["support", "agent.events.v1[3]", "quarantined"]
    assert "latency_ms is broken in 2 of 12 rows" in done.out
    assert "pii.detected email segment.user" in done.out
    assert "flyball feeds release support" in done.err


def test_a_release_says_why_and_never_who(console: Any, flyball: Flyball) -> None:
    done = flyball("feeds", "release", "support", "-r", "it was a test")
    assert done.code == 0, done.err
    assert console.told == [("/v1/feeds/releases", {"system": "support", "reason": "it was a test"})]


def test_where_all_are_declared_nothing_is_listed(flyball: Flyball) -> None:
    assert "every system that was heard of is declared" in flyball("systems", "undeclared").err


def test_undeclared_systems_are_listed_with_what_declares_them(console: Any, flyball: Flyball) -> None:
    console.totals["declared"] = False
    try:
        assert cells(flyball("systems", "undeclared").out.splitlines()[1])[0] == "support"
        (spec,) = read_specs(flyball("systems", "undeclared", "--spec").out.encode())
        assert spec.system == "support"
    finally:
        console.totals["declared"] = True
