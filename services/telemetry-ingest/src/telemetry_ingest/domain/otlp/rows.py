"""A row of fields for each span: attributes are placed in it one by one, and it ends as ``SpanFacts``.

"First present wins": every attribute name has a rank, and of two that fill one slot the lower rank stays. A span says
over what its resource says in the same name.
"""

from collections.abc import Callable
from typing import Any, Final, NamedTuple

from telemetry_ingest.domain.otlp.facts import AGENT, INFERENCE, NOTHING, WORKFLOW, OutcomeFacts, SpanFacts

Value = str | int | float | bool | None
"""Of an attribute. None: a list, a map or bytes, which no slot takes."""
Read = Callable[[Value], Any]
Row = list[Any]

KIND: Final = "kind"
"""``(role, word)``: the role of the span, and the word that it was read from."""
ENTITY: Final = "entity"
"""A name that is an agent's only on spans that are agent-like."""
SLOT: Final = {name: slot for slot, name in enumerate((*SpanFacts._fields, KIND, ENTITY))}
NO_RANK: Final = 1_000_000
UNRANKED: Final = (NO_RANK,) * len(SLOT)
LABELS_MAX: Final = {SLOT["segment"]: 16, SLOT["outcome"]: 8, SLOT["contents"]: 64}
"""Slots that hold a value for each label, with their bounds."""
STATUS_ERROR: Final = 2
ERROR_WITHOUT_TYPE: Final = "error"
MASKED_MAX: Final = 32
"""Places of personal data that are told of one span."""

_ROLE, _OPERATION = SLOT["role"], SLOT["operation"]
_AGENT, _MODEL, _ERROR, _OUTCOME = SLOT["agent"], SLOT["model"], SLOT["error"], SLOT["outcome"]
_INPUT, _CACHED = SLOT["input_tokens"], SLOT["cached_input_tokens"]
_OUTPUT, _REASONING = SLOT["output_tokens"], SLOT["reasoning_tokens"]
_MASKED = SLOT["masked"]


class Unusable(Exception):
    """A value that breaks the contract: its part is rejected alone. ``field`` is relative to the span or log event."""

    def __init__(self, reason: str, field: str, detail: str) -> None:
        self.reason, self.field, self.detail = reason, field, detail
        super().__init__(f"{reason} at {field}: {detail}")


class Attribute(NamedTuple):
    """What an attribute name means: which slot it fills, before which others, and how its value is read."""

    name: str
    slot: int
    rank: int
    read: Read
    label: str | None = None
    masked: tuple[str, ...] = ()
    """Kinds of personal data that were masked in this very value, or in its label."""


def empty_row() -> Row:
    return [SpanFacts._field_defaults.get(name) for name in SLOT]


def settle(row: Row, ranks: list[int], attribute: Attribute, found: Any) -> None:
    """Put what was read of one attribute into its slot, unless a lower rank has it."""
    slot = attribute.slot
    if found is None:
        return
    if attribute.masked:
        note_masked(row, attribute)
    if attribute.label is not None:
        row[slot] = _with_label(row[slot] or NOTHING, attribute, found)
    elif attribute.rank <= ranks[slot]:
        row[slot] = found
        ranks[slot] = attribute.rank


def note_masked(row: Row, attribute: Attribute) -> None:
    """Tell what was masked, also of a text that another name goes before."""
    told = [(attribute.name, kind) for kind in attribute.masked]
    row[_MASKED] = tuple(dict.fromkeys((*row[_MASKED], *told)))[:MASKED_MAX]


def _with_label(held: Any, attribute: Attribute, found: Any) -> Any:
    """A new map, for the one before may be the resource's."""
    labels = {**held, attribute.label: found}
    most = LABELS_MAX[attribute.slot]
    if len(labels) > most:
        detail = f"more than {most} labels: send the {most} that matter"
        raise Unusable("invalid_field", f"attributes.{attribute.name}", detail)
    return labels


def finish(row: Row, status: int, exception: str | None) -> SpanFacts:
    """The span of a full row, which is used up: the rules that need more than one attribute."""
    entity, kind = row.pop(), row.pop()
    if kind is not None:
        row[_ROLE], row[_OPERATION] = kind
    elif row[_MODEL] is not None and (row[_OUTPUT] is not None or row[_INPUT] is not None):
        row[_ROLE] = INFERENCE
    if entity is not None and row[_AGENT] is None and row[_ROLE] in (AGENT, WORKFLOW):
        row[_AGENT] = entity
    if row[_ERROR] is None and (exception is not None or status == STATUS_ERROR):
        row[_ERROR] = exception or ERROR_WITHOUT_TYPE
    if row[_OUTCOME] is not None:
        row[_OUTCOME] = OutcomeFacts(**row[_OUTCOME])
    if row[_CACHED] or row[_REASONING]:
        _count_part(row, _INPUT, _CACHED)
        _count_part(row, _OUTPUT, _REASONING)
    return tuple.__new__(SpanFacts, row)


def _count_part(row: Row, whole: int, part: int) -> None:
    """A part larger than its whole was not counted in it: some leave cached tokens out of the input."""
    if row[part] is not None and row[whole] is not None and row[part] > row[whole]:
        row[whole] += row[part]
