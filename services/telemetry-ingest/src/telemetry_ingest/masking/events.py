"""Masks the texts of events. Ids are looked at by nobody here: they are stored as hashes alone."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from operator import attrgetter
from typing import Any

from pydantic import BaseModel

from flyball.schemas.native import (
    ActionEnded,
    AgentEvent,
    EvaluationRecorded,
    FeedbackGiven,
    GuardrailChecked,
    InteractionCompleted,
    MetricSampled,
    OutcomeObserved,
    PredictionMade,
    ReleaseDeployed,
)
from telemetry_ingest.masking.texts import Masker

TEXTS: Mapping[type[BaseModel], tuple[str, ...]] = {
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
TABLES: Mapping[type[BaseModel], tuple[str, ...]] = {
    InteractionCompleted: ("segment",),
    EvaluationRecorded: ("segment",),
    GuardrailChecked: ("segment",),
    PredictionMade: ("segment", "features", "probabilities"),
    FeedbackGiven: ("segment",),
    ActionEnded: ("segment",),
    MetricSampled: ("segment",),
}
"""The fields that hold texts by text; features hold numbers as well."""
REMEMBERED_MAX = 50_000
CHARACTERS_MAX = 64
"""Of the shortest kind of text in the contract. A mask is longer than what it stands for, sometimes."""

Seen = list[tuple[str, str]]
"""(field, kind)"""


@dataclass(slots=True)
class EventMasker:
    """Masks the events of one process. ``mask`` costs little for texts that were seen before."""

    mask: Masker = field(default_factory=Masker)
    _clean: set[tuple[Any, ...]] = field(default_factory=set)
    """Groups of texts without personal data."""
    _getters: Mapping[type[BaseModel], Callable[[Any], tuple[Any, ...]]] = field(
        default_factory=lambda: {model: attrgetter(*names) for model, names in TEXTS.items()}
    )

    def __call__(self, event: AgentEvent) -> tuple[AgentEvent, Seen]:
        """The event without personal data, and what was found where; the very same event if there is none."""
        data = event.data
        kind = type(data)
        texts = self._getters[kind](data)
        is_clean = texts in self._clean or self._all_clean(texts)
        for name in TABLES.get(kind, ()):
            table = getattr(data, name)
            if table and not self._is_clean_table(table):
                is_clean = False
        return (event, []) if is_clean else self._masked(event)

    def _is_clean_table(self, table: Mapping[str, Any]) -> bool:
        names = tuple(table)
        if names not in self._clean and not self._all_clean(names):
            return False
        values = tuple(value for value in table.values() if type(value) is str)
        return not values or values in self._clean or self._all_clean(values)

    def _all_clean(self, texts: tuple[Any, ...]) -> bool:
        if any(type(text) is str and self.mask(text).kinds for text in texts):
            return False
        if len(self._clean) >= REMEMBERED_MAX:
            self._clean.clear()
        self._clean.add(texts)
        return True

    def _masked(self, event: AgentEvent) -> tuple[AgentEvent, Seen]:
        seen: Seen = []
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
        return event.model_copy(update={"data": data.model_copy(update=changes)}), seen

    def _table(self, table: Mapping[str, Any], name: str, seen: Seen) -> Iterator[tuple[str, Any]]:
        for key, value in table.items():
            shown = self._text(key, name, seen)
            yield shown, self._text(value, f"{name}.{shown}", seen) if type(value) is str else value

    def _text(self, text: str, name: str, seen: Seen) -> str:
        found = self.mask(text)
        seen += [(name, kind) for kind in found.kinds]
        return found.text if not found.kinds else found.text[: max(len(text), CHARACTERS_MAX)]
