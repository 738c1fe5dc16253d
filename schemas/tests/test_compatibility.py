"""Each kind of edit by name and severity, and the promise behind ``benign``: what was valid stays valid."""

import copy
from typing import Any

import pytest

from flyball.schemas.compatibility import Edit, edits
from flyball.schemas.topics import DECLARED


def record(**changes: Any) -> dict[str, Any]:
    properties: dict[str, Any] = {
        "id": {"type": "string", "maxLength": 8},
        "zone": {"enum": ["green", "red"]},
        "kind": {"const": "a"},
        "count": {"type": "integer", "minimum": 0, "maximum": 9, "default": 0},
        "score": {"anyOf": [{"type": "number", "maximum": 1}, {"type": "null"}], "default": None},
        "labels": {"type": "object", "additionalProperties": {"type": "string"}, "maxProperties": 4},
        "pair": {"type": "array", "prefixItems": [{"type": "string"}, {"type": "integer"}]},
        "owner": {"$ref": "#/$defs/Owner"},
    }
    owner = {"type": "object", "title": "Owner", "properties": {"name": {"type": "string"}}, "required": ["name"]}
    defs = {"Owner": changes.pop("owner_definition", owner)}
    properties |= changes.pop("properties", {})
    properties = {name: schema for name, schema in properties.items() if schema is not None}
    return {"type": "object", "properties": properties, "required": ["id", "zone"], "$defs": defs, **changes}


def changed(**fields: Any) -> dict[str, Any]:
    return record(properties=fields)


def test_documentation_and_place_of_definitions_are_no_edits() -> None:
    inlined = {"type": "object", "title": "Another", "properties": {"name": {"type": "string"}}, "required": ["name"]}
    assert edits(record(), record(description="new", title="T")) == []
    assert edits(record(), changed(owner=inlined)) == []


@pytest.mark.parametrize(
    ("new", "path", "change", "severity"),
    [
        (changed(extra={"type": "string"}), "$.extra", "field added", "benign"),
        (record(required=["id"]), "$.zone", "field became optional", "benign"),
        (changed(count={"type": ["integer", "null"], "minimum": 0, "maximum": 9}), "$.count", "type widened", "benign"),
        (changed(count={"type": "number", "minimum": 0, "maximum": 9}), "$.count", "type widened", "benign"),
        (changed(id={"type": "string", "maxLength": 9}), "$.id", "constraint widened", "benign"),
        (changed(id={"type": "string"}), "$.id", "constraint widened", "benign"),
        (changed(zone={"enum": ["green", "yellow", "red"]}), "$.zone", "value added", "benign"),
        (changed(zone={}), "$.zone", "constraint widened", "benign"),
        (
            changed(id={"anyOf": [{"type": "string", "maxLength": 8}, {"type": "null"}]}),
            "$.id(null)",
            "variant added",
            "benign",
        ),
        (changed(labels={"type": "object", "maxProperties": 4}), "$.labels.*", "constraint widened", "benign"),
        (changed(id=None), "$.id", "field removed", "breaking"),
        (
            record(properties={"extra": {"type": "string"}}, required=["id", "zone", "extra"]),
            "$.extra",
            "required field added",
            "breaking",
        ),
        (record(required=["id", "zone", "count"]), "$.count", "field became required", "breaking"),
        (changed(id={"type": "integer", "maxLength": 8}), "$.id", "type changed", "breaking"),
        (changed(id={"type": "string", "maxLength": 7}), "$.id", "constraint narrowed", "breaking"),
        (changed(id={"type": "string", "maxLength": 8, "minLength": 1}), "$.id", "constraint narrowed", "breaking"),
        (changed(id={"type": "string", "maxLength": 8, "pattern": "a"}), "$.id", "constraint changed", "breaking"),
        (changed(zone={"enum": ["green"]}), "$.zone", "value removed", "breaking"),
        (changed(kind={"const": "b"}), "$.kind", "value removed", "breaking"),
        (changed(id={"type": "string", "maxLength": 8, "enum": ["a"]}), "$.id", "constraint narrowed", "breaking"),
        (changed(score={"type": "number", "maximum": 1}), "$.score(null)", "variant removed", "breaking"),
        (
            changed(score={"anyOf": [{"type": "number", "maximum": 0}, {"type": "null"}], "default": None}),
            "$.score",
            "constraint narrowed",
            "breaking",
        ),
        (
            changed(count={"type": "integer", "minimum": 0, "maximum": 9, "default": 1}),
            "$.count",
            "default changed",
            "breaking",
        ),
        (
            changed(labels={"type": "object", "additionalProperties": {"type": "integer"}, "maxProperties": 4}),
            "$.labels.*",
            "type changed",
            "breaking",
        ),
        (
            changed(pair={"type": "array", "prefixItems": [{"type": "string"}, {"type": "string"}]}),
            "$.pair[1]",
            "type changed",
            "breaking",
        ),
        (record(owner_definition={"type": "object", "properties": {}}), "$.owner.name", "field removed", "breaking"),
        (record(additionalProperties=False), "$.*", "constraint narrowed", "breaking"),
        (record(somethingNew=1), "$", "constraint changed", "breaking"),
    ],
)
def test_each_edit_is_named_by_its_path(new: dict[str, Any], path: str, change: str, severity: str) -> None:
    found = {(edit.path, edit.change, edit.severity) for edit in edits(record(), new)}
    assert (path, change, severity) in found
    assert severity == "breaking" or {edit.severity for edit in edits(record(), new)} == {"benign"}


def union(*names: str) -> dict[str, Any]:
    definitions = {
        name: {"type": "object", "properties": {"type": {"const": name}, "n": {"type": "integer"}}} for name in names
    }
    references = [{"$ref": f"#/$defs/{name}"} for name in names]
    return {"$defs": definitions, "oneOf": references, "discriminator": {"propertyName": "type"}}


def test_the_variants_of_a_discriminated_union_are_told_apart_by_their_type() -> None:
    assert edits(union("a", "b"), union("b", "a")) == []
    assert [str(edit) for edit in edits(union("a"), union("a", "b"))] == ["benign: $(b): variant added (- -> b)"]
    assert [str(edit) for edit in edits(union("a", "b"), union("b"))] == ["breaking: $(a): variant removed (a -> -)"]
    narrowed = union("a", "b")
    narrowed["$defs"]["a"]["properties"]["n"]["minimum"] = 0
    assert edits(union("a", "b"), narrowed) == [Edit("$(a).n", "constraint narrowed", "minimum None", "minimum 0")]


def test_a_recursive_schema_comes_to_an_end() -> None:
    def tree(bound: int) -> dict[str, Any]:
        children = {"anyOf": [{"type": "array", "items": {"$ref": "#/$defs/Tree"}}, {"$ref": "#/$defs/Tree"}]}
        fields = {"size": {"type": "integer", "maximum": bound}, "children": children}
        return {"$ref": "#/$defs/Tree", "$defs": {"Tree": {"type": "object", "title": "Tree", "properties": fields}}}

    assert edits(tree(1), tree(1)) == []
    assert {edit.change for edit in edits(tree(1), tree(2))} == {"constraint widened"}
    with pytest.raises(ValueError, match="leads nowhere"):
        edits({"$ref": "#/$defs/Nobody"}, {})
    with pytest.raises(ValueError, match="acyclic"):
        edits({"$ref": "#/$defs/A", "$defs": {"A": {"$ref": "#/$defs/A"}}}, {})


@pytest.mark.parametrize("topic", [topic for topic in DECLARED if not topic.protobuf], ids=lambda topic: topic.name)
def test_a_model_has_no_edits_to_itself_and_every_lost_field_is_noticed(topic: Any) -> None:
    schema = topic.adapter.json_schema()
    whole = copy.deepcopy(schema)
    assert edits(schema, whole) == []
    for node in [schema, *schema.get("$defs", {}).values()]:
        for name in list(node.get("properties", {})):
            without = node["properties"].pop(name)
            found = edits(whole, schema)
            node["properties"][name] = without
            assert any(edit.severity == "breaking" for edit in found), name


def test_a_field_added_to_an_object_with_a_default_changes_no_default() -> None:
    def counts(**more: Any) -> dict[str, Any]:
        properties = {"late": {"type": "integer", "default": 0}, **more}
        return {"type": "object", "properties": properties}

    old = changed(counts=counts() | {"default": {"late": 0}})
    suspect = {"suspect": {"type": "integer", "default": 0}}
    added = changed(counts=counts(**suspect) | {"default": {"late": 0, "suspect": 0}})
    assert [(edit.path, edit.change) for edit in edits(old, added)] == [("$.counts.suspect", "field added")]
    other = changed(counts=counts() | {"default": {"late": 1}})
    assert [(edit.path, edit.change) for edit in edits(old, other)] == [("$.counts", "default changed")]
