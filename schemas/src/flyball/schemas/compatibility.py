"""Which edits lie between two versions of a JSON Schema, and whether old records and old readers survive them.

An edit is ``benign`` when every record that was valid stays valid and means the same: an optional field, a further
variant or value, a wider bound. Anything else is ``breaking``, also what this module does not know.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from flyball.schemas.variants import Schema, name_of, paired, resolve, types_of, values_of, variants_of

Change = Literal[
    "field added",
    "required field added",
    "field removed",
    "field became required",
    "field became optional",
    "type changed",
    "type widened",
    "constraint narrowed",
    "constraint widened",
    "constraint changed",
    "value removed",
    "value added",
    "variant removed",
    "variant added",
    "default changed",
]
BENIGN: Final = frozenset(
    {"field added", "field became optional", "type widened", "constraint widened", "value added", "variant added"}
)
LOWER: Final = ("minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties")
UPPER: Final = ("maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties")
ANNOTATIONS: Final = frozenset({"title", "description", "examples", "$schema", "$id", "$defs", "deprecated"})
HANDLED: Final = frozenset(
    {"type", "enum", "const", "properties", "required", "default", "items", "additionalProperties", "propertyNames"}
    | {"anyOf", "oneOf", "discriminator", "prefixItems", *LOWER, *UPPER}
)
ABSENT: Final = object()
SHOWN_CHARACTERS_MAX: Final = 80


@dataclass(frozen=True, slots=True)
class Edit:
    """One edit. ``path`` is like ``$(interaction.completed).data.segment.*``: variants in (), members of a map as *."""

    path: str
    change: Change
    before: str
    after: str

    @property
    def severity(self) -> Literal["benign", "breaking"]:
        return "benign" if self.change in BENIGN else "breaking"

    def __str__(self) -> str:
        return f"{self.severity}: {self.path}: {self.change} ({self.before} -> {self.after})"


def edits(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[Edit]:
    """All edits between two whole JSON Schemas (draft 2020-12, as pydantic writes it), sorted by path."""
    return sorted(_Comparison(old, new).node("$", old, new), key=lambda edit: (edit.path, edit.change))


@dataclass(frozen=True, slots=True)
class _Comparison:
    """Two documents; their nodes are compared pairwise, following references within each."""

    old_root: Schema
    new_root: Schema
    open_pairs: tuple[tuple[str, str], ...] = ()
    """Pairs of references being compared, so that a recursive schema comes to an end."""

    def node(self, path: str, old: Schema, new: Schema) -> Iterator[Edit]:
        pair = (str(old.get("$ref", "")), str(new.get("$ref", "")))
        if all(pair) and pair in self.open_pairs:
            return
        within = _Comparison(self.old_root, self.new_root, (*self.open_pairs, pair))
        old, new = resolve(old, self.old_root), resolve(new, self.new_root)
        yield from _default(path, old, new)
        if variants_of(old) or variants_of(new):
            yield from within.variants(path, old, new)
            return
        yield from _types(path, old, new)
        yield from _values(path, old, new)
        yield from _bounds(path, old, new)
        yield from _other_keywords(path, old, new)
        yield from within.fields(path, old, new)
        yield from within.members(path, old, new)

    def variants(self, path: str, old: Schema, new: Schema) -> Iterator[Edit]:
        olds = [(self._name(variant, self.old_root), variant) for variant in variants_of(old) or [old]]
        news = [(self._name(variant, self.new_root), variant) for variant in variants_of(new) or [new]]
        for name, before, after in paired(olds, news):
            if after is None:
                yield Edit(f"{path}({name})", "variant removed", name, "-")
            elif before is None:
                yield Edit(f"{path}({name})", "variant added", "-", name)
            else:
                is_object = "properties" in resolve(before, self.old_root)
                yield from self.node(f"{path}({name})" if is_object else path, before, after)

    def _name(self, variant: Schema, root: Schema) -> str:
        return name_of(resolve(variant, root))

    def fields(self, path: str, old: Schema, new: Schema) -> Iterator[Edit]:
        olds, news = old.get("properties", {}), new.get("properties", {})
        was, now = set(old.get("required", [])), set(new.get("required", []))
        for name in sorted({*olds, *news}):
            place = f"{path}.{name}"
            if name not in news:
                yield Edit(place, "field removed", _shown(olds[name]), "-")
            elif name not in olds:
                change: Change = "required field added" if name in now else "field added"
                yield Edit(place, change, "-", _shown(news[name]))
            else:
                if (name in was) != (name in now):
                    became: Change = "field became required" if name in now else "field became optional"
                    yield Edit(place, became, _need(required=name in was), _need(required=name in now))
                yield from self.node(place, olds[name], news[name])

    def members(self, path: str, old: Schema, new: Schema) -> Iterator[Edit]:
        """The schemas of what an array or a map holds."""
        for keyword, suffix in (("items", "[]"), ("additionalProperties", ".*"), ("propertyNames", ".*~")):
            yield from self.open_schema(path + suffix, old.get(keyword, True), new.get(keyword, True))
        olds, news = old.get("prefixItems", []), new.get("prefixItems", [])
        for index in range(max(len(olds), len(news))):
            before, after = (items[index] if index < len(items) else True for items in (olds, news))
            yield from self.open_schema(f"{path}[{index}]", before, after)

    def open_schema(self, path: str, old: bool | Schema, new: bool | Schema) -> Iterator[Edit]:
        """Schemas that may also be true (anything; the same as absent) or false (nothing)."""
        if isinstance(old, Mapping) and isinstance(new, Mapping):
            yield from self.node(path, old, new)
        elif old != new:
            widened = new is True or old is False
            yield Edit(path, "constraint widened" if widened else "constraint narrowed", _shown(old), _shown(new))


def _default(path: str, old: Schema, new: Schema) -> Iterator[Edit]:
    """A default that comes or goes is already told by the field becoming optional or required."""
    before, after = _own_default(old), _own_default(new)
    if before is not ABSENT and after is not ABSENT and _typed(before) != _typed(after):
        yield Edit(path, "default changed", _shown(before), _shown(after))


def _own_default(node: Schema) -> object:
    """What the default of an object says beyond the defaults of its fields: a new field of it says nothing new."""
    default, fields = node.get("default", ABSENT), node.get("properties", {})
    if not isinstance(default, Mapping):
        return default
    return {name: value for name, value in default.items() if fields.get(name, {}).get("default", ABSENT) != value}


def _types(path: str, old: Schema, new: Schema) -> Iterator[Edit]:
    before, after = types_of(old), types_of(new)
    if before != after:
        yield Edit(path, "type widened" if before <= after else "type changed", _shown(old), _shown(new))


def _values(path: str, old: Schema, new: Schema) -> Iterator[Edit]:
    before, after = values_of(old), values_of(new)
    if before is None and after is not None:
        yield Edit(path, "constraint narrowed", "any value", _shown(after))
    elif before is not None and after is None:
        yield Edit(path, "constraint widened", _shown(before), "any value")
    elif before is not None and after is not None:
        yield from (Edit(path, "value removed", _shown(value), "-") for value in before if value not in after)
        yield from (Edit(path, "value added", "-", _shown(value)) for value in after if value not in before)


def _bounds(path: str, old: Schema, new: Schema) -> Iterator[Edit]:
    for keyword in (*LOWER, *UPPER):
        before, after = old.get(keyword), new.get(keyword)
        if before == after:
            continue
        widened = after is None or (before is not None and (after < before) == (keyword in LOWER))
        change: Change = "constraint widened" if widened else "constraint narrowed"
        yield Edit(path, change, f"{keyword} {before}", f"{keyword} {after}")


def _other_keywords(path: str, old: Schema, new: Schema) -> Iterator[Edit]:
    """Keywords whose order of strictness is unknown here (pattern, format, ...): any change of one is breaking."""
    for keyword in sorted({*old, *new} - HANDLED - ANNOTATIONS):
        before, after = old.get(keyword), new.get(keyword)
        if before != after:
            yield Edit(path, "constraint changed", f"{keyword} {_shown(before)}", f"{keyword} {_shown(after)}")


def _typed(value: object) -> tuple[str, object]:
    """``1``, ``1.0`` and ``True`` are equal in Python and not in a contract."""
    return (type(value).__name__, value)


def _need(*, required: bool) -> str:
    return "required" if required else "optional"


def _shown(value: object) -> str:
    if isinstance(value, Mapping):
        value = value.get("type") or value.get("$ref") or name_of(value)
    return str(value)[:SHOWN_CHARACTERS_MAX]
