"""System specs in YAML: what is wrong is told with its line."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flyball.cli.spec_file import BYTES_MAX, SpecError, read_specs
from flyball.schemas.registry import SystemSpec

EXAMPLE = Path(__file__).parents[1] / "examples" / "system.yaml"


def errors_in(text: str | bytes) -> list[str]:
    with pytest.raises(SpecError) as caught:
        read_specs(text if isinstance(text, bytes) else text.encode())
    return caught.value.lines


def test_the_example_is_a_spec_with_the_defaults_written_out() -> None:
    (spec,) = read_specs(EXAMPLE.read_bytes())
    assert spec.targets == SystemSpec(system="any").targets
    assert (spec.system, spec.owners.operations) == ("support-assistant", "platform-on-call")


def test_a_file_may_declare_several_systems() -> None:
    assert [spec.system for spec in read_specs(b"system: a\n---\nsystem: b\nwindow_days: 7\n")] == ["a", "b"]


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("system: a\nwindow_day: 3\n", "2:1: window_day: there is no such field"),
        (
            "system: a\ntargets:\n  accuracy:\n    target_ppm: 95.0\n",
            "4:5: targets.accuracy.target_ppm: Input should be",
        ),
        ("system: a\ntargets: {safety: {target_ppm: 2000000}}\n", "2:20: targets.safety.target_ppm: Input should be"),
        ("system: a\nsystem: b\n", "2:1: system: the key appears twice"),
        ("purpose: none\n", "1:1: system: Field required"),
        ("system: a\n  b: c\n", "2:4: mapping values are not allowed here"),
        ("system: a\n---\nsystem: a\n", "3:1: system: a appears twice"),
        ("- system\n", "1:1: Input should be"),
        ("", "1:1: the file has 0 documents"),
        ("system: a\npurpose: !!python/object:os.system x\n", "2:10: could not determine a constructor"),
        ("system: a\npurpose: 2026-99-99\n", "2:10: month must be in 1..12"),
        ("? [a]\n: b\n", "1:3: "),
        ("system: a\n<<: {window_days: 7}\n", "2:1: <<: there is no such field"),
        (
            "system: a\ntelemetry:\n  expectations:\n    latancy: {maximum: 1}\n",
            "4:5: telemetry.expectations.latancy: no event has such a field; did you mean latency_ms?",
        ),
    ],
)
def test_an_error_names_line_column_and_field(text: str, error: str) -> None:
    assert errors_in(text)[0].startswith(error)


def test_all_errors_are_told_at_once() -> None:
    assert len(errors_in("system: A\nwindow_days: 0\nbugdet: 1\n")) == 3


def test_a_small_file_cannot_become_a_huge_document() -> None:
    levels = "\n".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 12))
    assert "more than" in errors_in(f"a0: &a0 x\n{levels}\n")[0]
    assert "levels deep" in errors_in("a: " + "[" * 5_000)[0]
    assert "levels deep" in errors_in("a: " + "[" * 40 + "]" * 40)[0]
    assert "more than" in errors_in(b" " * (BYTES_MAX + 1))[0]


def test_an_alias_of_itself_is_told_not_followed() -> None:
    assert "levels deep" in errors_in("system: a\nowners: &o\n  business: *o\n")[0]


@given(st.binary(max_size=80) | st.text(max_size=80).map(lambda text: text.encode("utf-8", "replace")))
def test_no_file_breaks_the_reader(text: bytes) -> None:
    try:
        specs = read_specs(text)
    except SpecError as error:
        assert all(line[0].isdigit() for line in error.lines)  # noqa: PT017 - either outcome is right
    else:
        assert specs
