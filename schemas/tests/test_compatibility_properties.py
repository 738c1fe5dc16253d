"""The promise behind ``benign``: what was valid stays valid. Any two schemas, any values."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]

from flyball.schemas.compatibility import edits

NUMBERS = st.integers(0, 3)
LEAVES: st.SearchStrategy[dict[str, Any]] = st.one_of(
    st.fixed_dictionaries({"type": st.just("integer")}, optional={"minimum": NUMBERS, "maximum": NUMBERS}),
    st.fixed_dictionaries({"type": st.just("string")}, optional={"minLength": NUMBERS, "maxLength": NUMBERS}),
    st.fixed_dictionaries({"enum": st.lists(st.sampled_from(["a", "b", 1, None]), min_size=1, unique=True)}),
    st.sampled_from([{"type": "null"}, {"type": "number"}, {"type": ["integer", "null"]}, {"const": "a"}]),
)


def _nested(inner: st.SearchStrategy[dict[str, Any]]) -> st.SearchStrategy[dict[str, Any]]:
    fields = st.fixed_dictionaries({"x": inner}, optional={"y": inner})
    required = st.lists(st.sampled_from(["x", "y"]), unique=True)
    return st.one_of(
        st.builds(
            lambda f, r: {"type": "object", "properties": f, "required": [n for n in r if n in f]}, fields, required
        ),
        st.builds(lambda i: {"type": "object", "additionalProperties": i}, inner),
        st.builds(lambda i: {"type": "array", "items": i}, inner),
        st.builds(lambda a, b: {"anyOf": [a, b]}, inner, inner),
    )


SCHEMAS = st.recursive(LEAVES, _nested, max_leaves=4)
VALUES = st.recursive(
    st.none() | st.integers(-1, 4) | st.sampled_from(["", "a", "b", "aaaa", 0.5]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from("xy"), inner),
    max_leaves=3,
)


@st.composite
def neighbours(draw: st.DrawFn) -> tuple[Any, Any]:
    """Two schemas that differ in some keywords, at any depth."""

    def tweaked(node: Any) -> Any:
        if isinstance(node, list):
            return [tweaked(item) for item in node]
        if not isinstance(node, dict):
            return draw(st.sampled_from([node, node, node + 1])) if isinstance(node, int) else node
        kept = {key: tweaked(value) for key, value in node.items() if key == "type" or draw(st.integers(0, 5))}
        return {"anyOf": [kept, {"type": "null"}]} if "type" in kept and not draw(st.integers(0, 5)) else kept

    old = draw(SCHEMAS)
    return old, tweaked(old)


@given(neighbours(), st.lists(VALUES, min_size=8, max_size=8))
def test_without_breaking_edits_what_was_valid_stays_valid(pair: tuple[Any, Any], values: list[Any]) -> None:
    old, new = pair
    # A field that old did not declare could hold anything, and readers were to ignore it: the one known exception.
    if any(edit.severity == "breaking" or edit.change == "field added" for edit in edits(old, new)):
        return
    was, now = Draft202012Validator(old), Draft202012Validator(new)
    for value in values:
        assert not was.is_valid(value) or now.is_valid(value)


@given(SCHEMAS, SCHEMAS)
def test_an_edit_and_its_way_back_are_both_noticed(old: Any, new: Any) -> None:
    assert edits(old, old) == []
    assert bool(edits(old, new)) == bool(edits(new, old))
