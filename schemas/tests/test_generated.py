"""What is generated is committed, deterministic and found out of date; the check tells edits and roll-out order."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]

from flyball.schemas.__main__ import main
from flyball.schemas.artifacts import MAP_BEGIN, MAP_END, artifacts, generate, outdated, with_map
from flyball.schemas.evolution import rollout, successor
from flyball.schemas.topics import DECLARED, TELEMETRY_SUMMARIES, TOPICS

ROOT = Path(__file__).parents[2]
SUMMARIES = "schemas/json/telemetry.summaries.v1.json"


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A repository with only the contract in it."""
    shutil.copytree(ROOT / "schemas", tmp_path / "schemas", ignore=shutil.ignore_patterns("src", "tests"))
    generate(tmp_path)
    return tmp_path


@pytest.fixture
def committed(copy: Path) -> Path:
    identity = ("-c", "user.name=test", "-c", "user.email=test@localhost")
    for command in (("init", "-q"), ("add", "."), (*identity, "commit", "-q", "-m", "contract")):
        subprocess.run(["git", "-C", str(copy), *command], check=True)
    return copy


def edited(root: Path, change: Any) -> None:
    """Rewrite the schema of the summaries as if its model had once been another one."""
    schema = json.loads((root / SUMMARIES).read_text())
    change(schema)
    (root / SUMMARIES).write_text(json.dumps(schema))


def test_the_committed_files_are_up_to_date() -> None:
    assert outdated(ROOT) == []


def test_generating_again_writes_nothing(copy: Path) -> None:
    assert generate(copy) == []
    assert artifacts(copy) == artifacts(copy)
    assert not list((copy / "schemas/json").glob(".*"))


def test_a_stale_a_missing_and_a_superfluous_file_are_named(copy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (copy / "schemas/topics.yaml").write_text("topics: []\n")
    (copy / "schemas/json/old.topic.v1.json").write_text("{}")
    (copy / "schemas/asyncapi.yaml").unlink()
    assert main(["check", "--root", str(copy), "--against", str(copy)]) == 1
    told = capsys.readouterr().err
    for path in ("schemas/topics.yaml", "schemas/json/old.topic.v1.json", "schemas/asyncapi.yaml"):
        assert f"{path} is out of date; run: make schemas" in told
    assert main(["generate", "--root", str(copy)]) == 0
    assert outdated(copy) == []


def test_the_map_keeps_the_rest_of_the_readme() -> None:
    text = with_map(f"# Title\n\n{MAP_BEGIN}\nold\n{MAP_END}\n\nAfter.\n")
    assert text.startswith("# Title\n")
    assert text.endswith("\n\nAfter.\n")
    assert "old" not in text
    assert with_map(text) == text


def test_a_readme_without_markers_is_named_with_the_next_command(
    copy: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (copy / "README.md").write_text("# Mine\n")
    assert main(["generate", "--root", str(copy)]) == 2
    assert "then run: make schemas" in capsys.readouterr().err
    assert (copy / "README.md").read_text() == "# Mine\n"


def test_every_schema_is_valid_and_every_reference_of_the_asyncapi_leads_somewhere() -> None:
    document = yaml.safe_load((ROOT / "schemas/asyncapi.yaml").read_text())
    assert set(document["channels"]) == {topic.name for topic in DECLARED}
    ours = {topic.name for topic in DECLARED if not topic.protobuf}
    for name, message in document["components"]["messages"].items():
        if name not in ours:
            continue
        schema = json.loads((ROOT / "schemas" / message["payload"]["schema"]["$ref"]).read_text())
        Draft202012Validator.check_schema(schema)
        assert schema["title"], name
    for operation in document["operations"].values():
        assert operation["channel"]["$ref"].removeprefix("#/channels/") in document["channels"]
    sent = {key for key, value in document["operations"].items() if value["action"] == "send"}
    assert sent == {f"{who}.send.{topic.name}" for topic in DECLARED for who in topic.producers}


def test_the_list_for_infra_has_every_topic_with_its_dead_letters() -> None:
    rows = yaml.safe_load((ROOT / "schemas/topics.yaml").read_text())["topics"]
    assert [row["name"] for row in rows] == [topic.name for topic in TOPICS]
    assert all(isinstance(value, str) for row in rows for value in row["settings"].values())


def test_nothing_changed_nothing_said(committed: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "--root", str(committed)]) == 0
    assert capsys.readouterr() == ("", "")


def test_a_removed_field_is_breaking_against_the_committed_schema(
    committed: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    edited(committed, lambda schema: schema["properties"].update(weather={"type": "string"}))
    subprocess.run(
        ["git", "-C", str(committed), "-c", "user.name=t", "-c", "user.email=t@localhost", "commit", "-qam", "old"],
        check=True,
    )
    generate(committed)
    assert main(["check", "--root", str(committed)]) == 1
    told = capsys.readouterr()
    assert "telemetry.summaries.v1: breaking: $.weather: field removed (string -> -)" in told.out
    assert "add a row telemetry.summaries.v2 with the new model" in told.err
    assert main(["check", "--root", str(committed), "--against", "HEAD~1"]) == 0


def test_an_optional_addition_passes_and_tells_who_goes_first(copy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = copy / "before"
    shutil.copytree(copy / "schemas", before / "schemas")
    edited(before, lambda schema: schema["properties"].pop("releases_deployed"))
    assert main(["check", "--root", str(copy), "--against", str(before)]) == 0
    told = capsys.readouterr().out
    assert "benign: $.releases_deployed: field added" in told
    consumers = ", ".join(TELEMETRY_SUMMARIES.consumers)
    assert f"roll-out: consumers first ({consumers}), then producers (telemetry-ingest): an older reader skips" in told


def test_a_topic_that_goes_and_partitions_that_change_are_breaking(
    copy: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = copy / "before"
    shutil.copytree(copy / "schemas", before / "schemas")
    (before / "schemas/json/weather.v1.json").write_text("{}")
    rows = yaml.safe_load((before / "schemas/topics.yaml").read_text())
    rows["topics"][0]["partitions"] = 6
    (before / "schemas/topics.yaml").write_text(yaml.safe_dump(rows))
    assert main(["check", "--root", str(copy), "--against", str(before)]) == 1
    told = capsys.readouterr()
    assert "agent.events.v1: breaking: topic partitions: constraint changed (6 -> 12)" in told.out
    assert "keep weather.v1 in the table" in told.err


def test_an_unknown_baseline_is_named(copy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "--root", str(copy), "--against", "no-such-thing"]) == 2
    assert "no-such-thing is neither a directory nor a git revision" in capsys.readouterr().err
    assert main(["check", "--root", str(copy / "schemas")]) == 2


def test_successors() -> None:
    assert successor("agent.events.v1") == "agent.events.v2"
    assert successor("agent.events.v19") == "agent.events.v20"
    assert successor("dead-letters") == "dead-letters.v2"
    assert "no order to keep" in rollout("dead-letters", None, [])
