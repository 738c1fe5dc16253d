"""Golden examples: each parses, comes back identical, and the check notices when one is broken or missing."""

import shutil
from pathlib import Path

import pytest

from flyball.schemas.artifacts import adapters
from flyball.schemas.examples import EXAMPLE_DIRECTORY, Example, broken_examples, examples
from flyball.schemas.native import AgentEvent
from flyball.schemas.topics import AGENT_EVENTS

ROOT = Path(__file__).parents[2]
EXAMPLES = examples(ROOT)


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: f"{example.name}/{example.path.stem}")
def test_each_example_parses_and_comes_back_identical(example: Example) -> None:
    model = example.read()
    adapter = adapters()[example.name]
    text = adapter.dump_json(model)
    assert adapter.validate_json(text) == model
    assert adapter.dump_json(adapter.validate_json(text)) == text


def test_every_native_type_has_an_example_and_both_modes_have_one() -> None:
    native = [example.read() for example in EXAMPLES if example.name == AGENT_EVENTS.name]
    variants = AgentEvent.__origin__.__args__  # type: ignore[attr-defined]
    assert {type(event) for event in native} == set(variants)
    texts = [example.path.read_text() for example in EXAMPLES if example.name == AGENT_EVENTS.name]
    assert any('"ce_id"' in text for text in texts)
    assert any('"specversion"' in text for text in texts)


def test_nothing_is_broken_or_missing() -> None:
    assert list(broken_examples(ROOT)) == []


def test_a_broken_and_a_missing_example_are_named(tmp_path: Path) -> None:
    shutil.copytree(ROOT / EXAMPLE_DIRECTORY, tmp_path / EXAMPLE_DIRECTORY)
    shutil.rmtree(tmp_path / EXAMPLE_DIRECTORY / "dead-letters")
    (tmp_path / EXAMPLE_DIRECTORY / "budget.states.v1" / "one_system.json").write_text('{"tenant": "acme"}')
    (tmp_path / EXAMPLE_DIRECTORY / "agent.events.v1" / "release_deployed.json").write_text('{"type": "nothing"}')
    problems = list(broken_examples(tmp_path))
    assert len(problems) == 3
    assert problems[0].startswith(
        "schemas/examples/agent.events.v1/release_deployed.json no longer parses: unknown_type"
    )
    assert problems[1].startswith("schemas/examples/budget.states.v1/one_system.json no longer parses")
    assert problems[2].startswith("dead-letters has no golden example; put a full record into")
