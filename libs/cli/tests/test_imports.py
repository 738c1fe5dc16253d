"""Files that the tools really wrote become events, each once, and what cannot be read is told and counted."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from flyball.cli.commands import imports
from flyball.cli.errors import CommandError
from flyball.cli.main import application
from flyball.schemas.envelope import STRUCTURED, read_agent_event

RESULTS = Path(__file__).parent / "results"
HEADERS = (("content-type", STRUCTURED.encode()),)
SENT: dict[str, int] = {
    "deepeval.json": 9,
    "garak.report.jsonl": 16,
    "inspect.eval": 12,
    "inspect.json": 12,
    "promptfoo.json": 8,
    "ragas.csv": 11,
    "ragas.jsonl": 11,
}


@pytest.fixture(autouse=True)
def state(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    return tmp_path / "flyball/imports"


def run(console: Any, file: str | Path, *options: str) -> dict[str, Any]:
    path = RESULTS / file
    tool = path.name.partition(".")[0]
    where = ["--url", console.url, "--token", console.token]
    names = ["--system", "support", "--release", "1.4.0", "--time", "now", "-o", "json"]
    answer = CliRunner().invoke(application, [*where, "import", tool, str(path), *names, *options])
    if isinstance(answer.exception, CommandError) and not answer.stdout:
        raise answer.exception
    told: dict[str, Any] = json.loads(answer.stdout)
    return told


def events(console: Any) -> list[Any]:
    return [read_agent_event(HEADERS, event) for batch in console.batches for event in batch]


@pytest.mark.parametrize("file", SENT)
def test_a_real_file_becomes_valid_events(console: Any, file: str) -> None:
    told = run(console, file)
    assert (told["sent"], told["before"]) == (SENT[file], 0)
    found = events(console)
    assert len({event.id for event in found}) == len(found) == SENT[file]
    assert {event.subject for event in found} == {"support"}
    assert {event.data.segment["origin"] for event in found} == {"import"}


def test_the_same_file_again_sends_nothing_and_by_force_the_same_ids(console: Any) -> None:
    first = run(console, "promptfoo.json")
    assert (run(console, "promptfoo.json")["sent"], run(console, "promptfoo.json", "--dry-run")["sent"]) == (0, 0)
    run(console, "promptfoo.json", "--again")
    once, again = ([json.loads(event)["id"] for event in batch] for batch in console.batches)
    assert once == again
    assert len(once) == first["sent"]


def test_both_forms_of_a_log_give_the_same_ids(console: Any) -> None:
    run(console, "inspect.eval")
    run(console, "inspect.json")
    archived, plain = (sorted(json.loads(event)["id"] for event in batch) for batch in console.batches)
    assert archived == plain


def test_an_import_goes_on_where_it_was_cut_off(console: Any, state: Path) -> None:
    run(console, "ragas.csv")
    [receipt] = state.iterdir()
    receipt.write_text('{"events": 8}')
    assert run(console, "ragas.csv")["sent"] == 3
    receipt.write_text("no receipt")
    assert run(console, "ragas.csv")["sent"] == 11


def test_metrics_have_our_names_and_verdicts_their_scores(console: Any) -> None:
    run(console, "deepeval.json", "--evaluator-version", "4.3.1")
    relevance, hallucination, exact = events(console)[3:6]
    assert (relevance.data.metric, relevance.data.passed) == ("relevance", False)
    assert (hallucination.data.metric, hallucination.data.passed) == ("hallucination", False)
    assert (exact.data.metric, exact.data.score) == ("exact_match", 0.0)
    assert (relevance.data.evaluator, relevance.data.evaluator_version) == ("deepeval/word-overlap", "4.3.1")


def test_scores_that_are_no_fractions_are_told_whole(console: Any) -> None:
    told = run(console, "inspect.eval")
    assert (told["evaluations"], told["flaws"]) == (12, 3)
    assert "characters" not in {event.data.metric for event in events(console)}


def test_attacks_are_guardrail_checks_too_unless_told_otherwise(console: Any) -> None:
    told = run(console, "garak.report.jsonl")
    kinds = [event.type for event in events(console)]
    assert kinds.count("guardrail.checked") == told["attempts"] > 0
    alone = run(console, "garak.report.jsonl", "--no-guardrails")
    assert (alone["attempts"], alone["sent"]) == (0, told["evaluations"])


@pytest.mark.parametrize(
    ("file", "content", "expected"),
    [
        ("promptfoo.json", '{"evalId": "e", "results": {"version": 2}}', "version 2 of promptfoo's results"),
        ("promptfoo.json", "{}", "evalId"),
        ("inspect.json", '{"version": 1, "eval": {"created": "2026-11-21T09:30:00Z"}, "samples": []}', "version 1"),
        ("inspect.json", '{"version": 2, "eval": {"created": "2026-11-21T09:30:00Z"}}', "no samples"),
        ("inspect.eval", "PK\x03\x04", "archive"),
        ("deepeval.json", "[]", "testCases"),
        ("garak.jsonl", '{"entry_type": "digest"}', "begins a run"),
        ("ragas.csv", "a,b\n1,2\n", "user_input"),
        ("ragas.csv", "", "user_input"),
    ],
)
def test_an_unknown_form_says_what_was_expected(
    console: Any, tmp_path: Path, file: str, content: str, expected: str
) -> None:
    path = tmp_path / file
    path.write_text(content)
    with pytest.raises(CommandError, match=expected) as caught:
        run(console, path)
    assert caught.value.following
    assert console.batches == []


def test_a_bad_piece_is_counted_and_its_neighbours_are_sent(console: Any, tmp_path: Path) -> None:
    path = tmp_path / "deepeval.json"
    good = {"name": "x", "metricsData": [{"name": "A", "score": 0.5}, {"name": 5}, {"name": "B", "success": True}]}
    path.write_text(json.dumps({"testCases": [good, 7, {**good, "name": "y"}]}))
    told = run(console, path)
    assert (told["sent"], told["flaws"]) == (4, 3)


def test_what_is_too_old_is_not_sent_to_be_rejected(console: Any, tmp_path: Path) -> None:
    path = tmp_path / "deepeval.json"
    path.write_text('{"testCases": []}')
    with pytest.raises(CommandError, match="older than 7 days"):
        run(console, path, "--time", "2026-01-01T00:00:00Z")
    with pytest.raises(CommandError, match="yesterday"):
        run(console, path, "--time", "yesterday")


def test_every_tool_has_its_command() -> None:
    assert {command.name for command in imports.application.registered_commands} == set(imports.TOOLS)
