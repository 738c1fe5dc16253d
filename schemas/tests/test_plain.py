"""Plain structs have the fields, types and bounds of the contract's models."""

from typing import Any, get_args

import msgspec
import pytest
from pydantic import TypeAdapter

from flyball.schemas import native, plain

MODELS = get_args(get_args(native.AgentEvent)[0])


def bounds(part: Any, definitions: dict[str, Any]) -> Any:
    """What decides about a value, in one spelling."""
    if "$ref" in part:
        return bounds(definitions[part["$ref"].rsplit("/", 1)[1]], definitions)
    if "anyOf" in part:
        return sorted((bounds(one, definitions) for one in part["anyOf"]), key=repr)
    known = {name: value for name, value in part.items() if name.startswith(("min", "max", "exclusive", "pattern"))}
    known |= {"enum": sorted(part["enum"])} if "enum" in part else {}
    known |= {"enum": [part["const"]]} if "const" in part else {}
    known |= {"pattern": known["pattern"].replace(r"\Z", "$")} if "pattern" in known else {}
    inner = part.get("additionalProperties")
    if isinstance(inner, dict):
        known["values"] = bounds(inner, definitions)
        known["keys"] = bounds({"type": "string", **part.get("propertyNames", {})}, definitions)
    return {"type": part.get("type"), **known} if "enum" not in known else {"enum": known["enum"]}


def fields_of(schema: dict[str, Any]) -> dict[str, Any]:
    definitions = schema.get("$defs", {})
    model = definitions[schema["$ref"].rsplit("/", 1)[1]] if "$ref" in schema else schema
    return {name: _without_null(bounds(part, definitions)) for name, part in model["properties"].items()}


def _without_null(found: Any) -> Any:
    kept = [one for one in found if one != {"type": "null"}] if isinstance(found, list) else [found]
    return kept[0] if len(kept) == 1 else kept


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_the_data_has_the_fields_and_the_bounds_of_the_contract(model: Any) -> None:
    data = model.model_fields["data"].annotation
    known = fields_of(TypeAdapter(data).json_schema())
    found = fields_of(msgspec.json.schema(getattr(plain, data.__name__)))
    if "release" in known:
        # The reader remembers which releases are well-formed.
        assert known.pop("release").keys() == {"type", "pattern"}
        assert found.pop("release") == {"type": "string", "minLength": 1, "maxLength": 64}
    assert found == known


def test_there_is_a_struct_for_every_type() -> None:
    types = {model.model_fields["type"].annotation for model in MODELS}
    structs = get_args(plain.PlainEvent)
    assert {struct.__struct_config__.tag for struct in structs} == {get_args(one)[0] for one in types}
    assert {struct.__name__ for struct in structs} == {model.__name__ for model in MODELS}
