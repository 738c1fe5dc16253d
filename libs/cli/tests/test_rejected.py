"""Rejected records from the command line: looked at, mended, replayed once."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from flyball.cli.connection import NOT_ALLOWED, Connection
from flyball.cli.errors import CommandError
from flyball.cli.main import application
from flyball.cli.repairs import assigned, document_of

EXAMPLE = Path(__file__).parents[3] / "schemas/examples/agent.events.v1/interaction_completed.json"
EVENT: dict[str, Any] = json.loads(EXAMPLE.read_text())
BROKEN = {**EVENT, "data": {**EVENT["data"], "latency_ms": -1}}
WHEN = "2026-11-21T09:30:00Z"


class Rejections:
    """Console's routes, as far as these commands ask them."""

    def __init__(self) -> None:
        self.bodies = {"r-1": json.dumps(BROKEN), "r-2": json.dumps(EVENT), "r-3": "{"}
        self.replayed: dict[str, Any] = {}
        self.asked: list[dict[str, Any]] = []

    def get(self, path: str, **parameters: Any) -> Any:
        identity = path.removeprefix("/v1/rejected").strip("/")
        if identity:
            return {**self._item(identity), "headers": [{"name": "content-type", "value_text": "application/json"}]}
        self.asked.append(parameters)
        found = [name for name in self.bodies if not (parameters.get("waiting") and name in self.replayed)]
        return {"items": [self._item(name) for name in found], "next": None}

    def post(self, path: str, body: dict[str, Any]) -> Any:
        identity = path.split("/")[3]
        known = self.replayed.get(identity)
        if known is None and "event" not in body and identity != "r-2":
            raise CommandError("it would be rejected again: invalid_field", "mend it")
        self.replayed.setdefault(identity, body)
        named = {"source": EVENT["source"], "event_id": EVENT["id"], "actor": "user:ada", "replayed_at": WHEN}
        return {"id": identity, "replayed": known is None, "system": "support", "changed": "event" in body, **named}

    def _item(self, identity: str) -> dict[str, Any]:
        return {
            "id": identity,
            "system": "support",
            "reason": "invalid_field",
            "field": "data.latency_ms",
            "detail": "Input should be greater than or equal to 0",
            "recorded_at": WHEN,
            "position": {"topic": "agent.events.v1", "partition": 3, "offset": 4},
            "replayed_at": WHEN if identity in self.replayed else None,
            "replayed_by": "user:ada" if identity in self.replayed else None,
            "key_text": "support",
            "body_text": self.bodies[identity],
            "body_bytes": len(self.bodies[identity]),
        }


@pytest.fixture
def rejections(monkeypatch: pytest.MonkeyPatch) -> Rejections:
    made = Rejections()
    monkeypatch.setattr(Connection, "get", lambda _self, path, **parameters: made.get(path, **parameters))
    monkeypatch.setattr(Connection, "post", lambda _self, path, body: made.post(path, dict(body)))
    return made


def run(*arguments: str) -> tuple[str, BaseException | None]:
    done = CliRunner().invoke(application, ["rejected", *arguments])
    error = done.exception if isinstance(done.exception, CommandError) else None
    return done.stdout, error


def test_list_and_show_say_why_and_where(rejections: Rejections) -> None:
    listed, _ = run("list", "--reason", "invalid_field", "--waiting")
    assert [name in listed for name in rejections.bodies] == [True] * 3
    assert {name: value for name, value in rejections.asked[0].items() if value} == {
        "reason": "invalid_field",
        "waiting": "true",
        "limit": 20,
    }
    shown, _ = run("show", "r-1")
    assert "agent.events.v1[3]@4" in shown
    assert "data.latency_ms" in shown
    assert json.loads(run("show", "r-1", "--body")[0]) == BROKEN


def test_a_field_is_set_judged_and_replayed(rejections: Rejections) -> None:
    _, error = run("repair", "r-1", "--why", "w", "--set", "data.latency_ms=-2")
    assert error is not None
    assert "data.latency_ms" in str(error)
    assert rejections.replayed == {}
    told, _ = run("repair", "r-1", "--why", "sign was lost", "--set", "data.latency_ms=20", "--dry-run")
    assert (json.loads(told)["data"]["latency_ms"], rejections.replayed) == (20, {})
    told, _ = run("repair", "r-1", "--why", "sign was lost", "--set", "data.latency_ms=20")
    assert "repaired and replayed" in told
    sent = json.loads(rejections.replayed["r-1"]["event"])
    assert (sent["id"], sent["source"], sent["data"]["latency_ms"]) == (EVENT["id"], EVENT["source"], 20)
    assert "was replayed before" in run("repair", "r-1", "--why", "again", "--set", "data.latency_ms=20")[0]


def test_an_editor_or_a_file_mends_what_is_no_json(
    rejections: Rejections, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    _, error = run("repair", "r-3", "--why", "w", "--set", "a=1")
    assert error is not None
    assert "no JSON object" in str(error)
    monkeypatch.setenv("VISUAL", f"cp {EXAMPLE}")
    assert "repaired and replayed" in run("repair", "r-3", "--why", "was cut off")[0]
    monkeypatch.setenv("VISUAL", "true")
    assert "left as it was" in str(run("repair", "r-1", "--why", "w")[1])
    monkeypatch.delenv("VISUAL")
    monkeypatch.delenv("EDITOR", raising=False)
    assert "no editor" in str(run("repair", "r-1", "--why", "w")[1])
    assert "repaired and replayed" in run("repair", "r-1", "--why", "w", "--file", str(EXAMPLE))[0]


def test_many_are_replayed_by_filter_and_what_cannot_be_hurts_nobody(rejections: Rejections) -> None:
    told, error = run("replay", "--system", "support", "--why", "clock was wrong", "-o", "json")
    assert json.loads(told) == {"replayed": 1, "before": 0, "refused": 2}
    assert error is not None
    assert "2 would be rejected again" in str(error)
    told, _ = run("replay", "r-2", "--why", "again", "-o", "json")
    assert json.loads(told) == {"replayed": 0, "before": 1, "refused": 0}
    told, _ = run("replay", "--reason", "x", "--why", "w", "--set", "data.latency_ms=1", "--dry-run", "-o", "json")
    assert json.loads(told) == {"replayed": 1, "before": 0, "refused": 1}
    assert list(rejections.replayed) == ["r-2"]
    assert "which records" in str(run("replay", "--why", "w")[1])


def test_who_may_not_is_told_once(rejections: Rejections, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(_self: Connection, path: str, _body: dict[str, Any]) -> None:
        rejections.asked.append({"path": path})
        raise CommandError("the role reviewer is needed", "use another token", reason=NOT_ALLOWED)

    monkeypatch.setattr(Connection, "post", refused)
    assert "reviewer is needed" in str(run("replay", "r-1", "r-2", "--why", "w")[1])
    assert len(rejections.asked) == 1


def test_assignments_are_json_else_text_and_never_through_a_value() -> None:
    document = {"data": {"n": 1, "gone": 2}}
    changed = assigned(document, ["data.n=2.5", "data.new.name=de=1", "data.gone=", "subject=support"])
    assert changed == {"data": {"n": 2.5, "new": {"name": "de=1"}}, "subject": "support"}
    assert document == {"data": {"n": 1, "gone": 2}}
    for wrong in ("data.n.deeper=1", "nothing", "=1"):
        with pytest.raises(CommandError):
            assigned(document, [wrong])


def test_a_record_in_binary_mode_is_mended_as_one_object() -> None:
    headers = [{"name": "ce_id", "value_text": "e-1"}, {"name": "ce_source", "value_base64": "L2E="}]
    assert document_of({"id": "r", "headers": headers, "body_text": "{}"}) == {"id": "e-1", "source": "/a", "data": {}}


def test_filters_reach_console_as_they_are(rejections: Rejections) -> None:
    run("list", "--since", WHEN, "--until", WHEN)
    assert (rejections.asked[0]["since"], rejections.asked[0]["until"]) == (WHEN, WHEN)
