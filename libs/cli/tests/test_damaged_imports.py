"""Files of tools that were cut, flipped or spliced: never a crash, and what was read is sent as valid events."""

from collections.abc import Callable
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from damage import damaged
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from flyball.cli.commands.imports import TOOLS
from flyball.cli.results.events import Destination, count_of, events_of
from flyball.cli.results.findings import FormatError, Results
from flyball.schemas.envelope import STRUCTURED, read_agent_event

RESULTS = Path(__file__).parent / "results"
FILES = {
    "deepeval.json": "deepeval",
    "garak.report.jsonl": "garak",
    "inspect.eval": "inspect",
    "inspect.json": "inspect",
    "promptfoo.json": "promptfoo",
    "ragas.csv": "ragas",
    "ragas.jsonl": "ragas",
}
DESTINATION = Destination("support", "1.4.0", "1", datetime(2026, 11, 21, 9, 30, tzinfo=UTC))
HEADERS = (("content-type", STRUCTURED.encode()),)
ODDITIES = (b"NaN", b"1e999", b"-1", b'"\\ud800"', b"null", b"[" * 2_000, b"{}", b"\xff", b"1" * 5_000, b"true")
QUIET = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example]


def reader(file: str) -> Callable[[bytes, str], Results]:
    found: Any = import_module(f"flyball.cli.results.{TOOLS[FILES[file]][0]}")
    return found.read  # type: ignore[no-any-return]


def check(file: str, body: bytes) -> None:
    try:
        results = reader(file)(body, "digest").settled()
    except FormatError:
        return
    events = [read_agent_event(HEADERS, event) for event in events_of(results, DESTINATION)]
    assert len({event.id for event in events}) == len(events) == count_of(results, DESTINATION)
    assert results.flaw_count >= len(results.flaws)


def hurt(file: str) -> st.SearchStrategy[bytes]:
    return damaged([(RESULTS / file).read_bytes(), *ODDITIES])


@pytest.mark.parametrize("file", FILES)
def test_a_damaged_file_is_read_as_far_as_it_goes_or_refused(file: str) -> None:
    settings(max_examples=4, suppress_health_check=QUIET)(given(hurt(file))(lambda b: check(file, b)))()


@pytest.mark.seeds
@pytest.mark.parametrize("file", FILES)
def test_a_damaged_file_at_length(file: str) -> None:
    many = settings(max_examples=60, suppress_health_check=QUIET)
    many(given(hurt(file))(lambda b: check(file, b)))()


@pytest.mark.parametrize("file", ["garak.report.jsonl", "ragas.jsonl", "ragas.csv"])
def test_one_bad_line_is_one_flaw_and_loses_no_neighbour(file: str) -> None:
    lines = (RESULTS / file).read_bytes().splitlines(keepends=True)
    whole = reader(file)(b"".join(lines), "digest").settled()
    hurt_one = [*lines[:-1], b'{"entry_type": 5, "\n' if "csv" not in file else b"a,b\n", lines[-1]]
    found = reader(file)(b"".join(hurt_one), "digest").settled()
    assert (len(found.judgements), found.flaw_count) == (len(whole.judgements), 1)
