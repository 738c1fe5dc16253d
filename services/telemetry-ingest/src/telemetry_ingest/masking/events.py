"""Masks the texts of events. Ids are looked at by nobody here: they are stored as hashes alone."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from operator import attrgetter
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from flyball.schemas.plain import (
    ActionEnded,
    EvaluationRecorded,
    FeedbackGiven,
    GuardrailChecked,
    InteractionCompleted,
    MetricSampled,
    OutcomeObserved,
    PlainEvent,
    PredictionMade,
    ReleaseDeployed,
)
from telemetry_ingest.masking.texts import Masker

TEXTS: Mapping[type[Struct], tuple[str, ...]] = {
    InteractionCompleted: ("release", "outcome", "provider", "model"),
    EvaluationRecorded: ("release", "metric", "evaluator", "evaluator_version"),
    GuardrailChecked: ("release", "rule", "kind"),
    PredictionMade: ("release", "predicted_class"),
    ReleaseDeployed: ("release", "evidence_epoch"),
    OutcomeObserved: ("true_class", "success"),
    FeedbackGiven: ("release", "thumb"),
    ActionEnded: ("release", "action_class", "result"),
    MetricSampled: ("release", "metric", "unit", "layer"),
}
"""The fields that hold text. Two at least, so that ``attrgetter`` gives a tuple."""
HASHED = frozenset({"interaction_id", "prediction_id", "session_id", "action_id"})
TABLES: Mapping[type[Struct], tuple[str, ...]] = {
    InteractionCompleted: ("segment",),
    EvaluationRecorded: ("segment",),
    GuardrailChecked: ("segment",),
    PredictionMade: ("segment", "features", "probabilities"),
    FeedbackGiven: ("segment",),
    ActionEnded: ("segment",),
    MetricSampled: ("segment",),
}
"""The fields that hold texts by text; features hold numbers as well."""
WITH_SEGMENT = frozenset(TABLES)
REMEMBERED_MAX = 50_000
CHARACTERS_MAX = 64
"""Of the shortest kind of text in the contract. A mask is longer than what it stands for, sometimes."""

Seen = Sequence[tuple[str, str]]
"""(field, kind)"""
NOTHING: Seen = ()


_TEXTS_OF: Mapping[type[Struct], Callable[[Any], tuple[Any, ...]]] = {
    model: attrgetter(*names) for model, names in TEXTS.items()
}
_SEGMENT, _FEATURES, _PROBABILITIES = (attrgetter(name) for name in ("segment", "features", "probabilities"))


@dataclass(slots=True)
class EventMasker:
    """Masks the events of one process. What was seen before costs little."""

    mask: Masker = field(default_factory=Masker)
    _clean: set[tuple[Any, ...]] = field(default_factory=set)
    """Groups of texts without personal data."""

    def __call__(self, event: PlainEvent) -> tuple[PlainEvent, Seen]:
        """The event without personal data, and what was found where; the very same event if there is none."""
        return (event, NOTHING) if self.are_clean([event.data]) else self._masked(event)

    def are_clean(self, data: Sequence[Any]) -> bool:
        """Has none of them personal data? They are all of one kind, and each distinct group is looked at once."""
        kind = type(data[0])
        if not self._all_clean(set(map(_TEXTS_OF[kind], data))):
            return False
        tables: list[Mapping[str, Any]] = []
        if kind in WITH_SEGMENT:
            tables += filter(None, map(_SEGMENT, data))
        if kind is PredictionMade:
            tables += map(_FEATURES, data)
            tables += filter(None, map(_PROBABILITIES, data))
        return not tables or self._all_clean(_texts_of(tables))

    def _all_clean(self, groups: set[tuple[Any, ...]]) -> bool:
        for texts in groups - self._clean:
            if any(type(text) is str and self.mask(text).kinds for text in texts):
                return False
            if len(self._clean) >= REMEMBERED_MAX:
                self._clean.clear()
            self._clean.add(texts)
        return True

    def _masked(self, event: PlainEvent) -> tuple[PlainEvent, Seen]:
        seen: list[tuple[str, str]] = []
        data = event.data
        changes: dict[str, Any] = {
            name: self._text(value, name, seen)
            for name in TEXTS[type(data)]
            if type(value := getattr(data, name)) is str
        }
        for name in TABLES.get(type(data), ()):
            table = getattr(data, name)
            if table:
                changes[name] = dict(self._table(table, name, seen))
        return replace(event, data=replace(data, **changes)), seen

    def _table(self, table: Mapping[str, Any], name: str, seen: list[tuple[str, str]]) -> Iterator[tuple[str, Any]]:
        for key, value in table.items():
            shown = self._text(key, name, seen)
            yield shown, self._text(value, f"{name}.{shown}", seen) if type(value) is str else value

    def _text(self, text: str, name: str, seen: list[tuple[str, str]]) -> str:
        found = self.mask(text)
        seen += [(name, kind) for kind in found.kinds]
        return found.text if not found.kinds else found.text[: max(len(text), CHARACTERS_MAX)]


def _texts_of(tables: Sequence[Mapping[str, Any]]) -> set[tuple[Any, ...]]:
    """The names and the texts of tables, in groups. Most tables are alike, so their texts are found by column."""
    layouts: dict[tuple[str, ...], list[Mapping[str, Any]]] = {}
    for table in tables:
        layouts.setdefault(tuple(table), []).append(table)
    found: set[tuple[Any, ...]] = set(layouts)
    for alike in layouts.values():
        for column in zip(*[table.values() for table in alike], strict=True):
            if str in set(map(type, column)):
                found.update((value,) for value in set(column) if type(value) is str)
    return found
