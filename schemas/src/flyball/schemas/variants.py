"""Reading single nodes of a JSON Schema: references, types, allowed values, and which variants belong together."""

from collections.abc import Mapping, Sequence
from typing import Any

Schema = Mapping[str, Any]
JSON_TYPES = frozenset({"null", "boolean", "integer", "number", "string", "array", "object"})


def resolve(node: Schema, root: Schema) -> Schema:
    """``node`` with its chain of local references followed; keywords beside a reference win over its target's.

    Raises:
        ValueError: a reference that does not begin with ``#/``, or that leads nowhere or back to itself.
    """
    seen: set[str] = set()
    while "$ref" in node:
        reference = str(node["$ref"])
        if reference in seen or not reference.startswith("#/"):
            raise ValueError(f"cannot follow the reference {reference}; only acyclic local ones are supported")
        seen.add(reference)
        beside = {key: value for key, value in node.items() if key != "$ref"}
        node = {**_target(reference, root), **beside}
    return node


def _target(reference: str, root: Schema) -> Schema:
    node: Any = root
    for step in reference.removeprefix("#/").split("/"):
        if not isinstance(node, Mapping) or step not in node:
            raise ValueError(f"the reference {reference} leads nowhere")
        node = node[step]
    return dict(node)


def variants_of(node: Schema) -> Sequence[Schema]:
    """The alternatives of a union, empty for a node that is none."""
    variants: Sequence[Schema] = node.get("oneOf") or node.get("anyOf") or ()
    return variants


def types_of(node: Schema) -> frozenset[str]:
    """The JSON types a node allows; a number may also be an integer."""
    declared = node.get("type")
    if declared is None:
        return JSON_TYPES
    types = frozenset([declared] if isinstance(declared, str) else declared)
    return types | {"integer"} if "number" in types else types


def values_of(node: Schema) -> list[Any] | None:
    """The values of ``enum`` or ``const``; None where any value goes."""
    if "const" in node:
        return [node["const"]]
    values: list[Any] | None = node.get("enum")
    return values


def name_of(node: Schema) -> str:
    """What people call a variant: the value of its ``type`` field, else its title or JSON type."""
    tag = node.get("properties", {}).get("type", {}).get("const")
    return str(tag or (node.get("title") if "properties" in node else None) or node.get("type") or "anything")


def paired(
    olds: Sequence[tuple[str, Schema]], news: Sequence[tuple[str, Schema]]
) -> list[tuple[str, Schema | None, Schema | None]]:
    """Named variants, the old beside the new one of the same name; what has no partner stands beside None."""
    rest = list(news)
    pairs: list[tuple[str, Schema | None, Schema | None]] = []
    for name, old in olds:
        partner = next((new for new in rest if new[0] == name), None)
        if partner is not None:
            rest.remove(partner)
        pairs.append((name, old, partner[1] if partner else None))
    return pairs + [(name, None, new) for name, new in rest]
