"""Masks the texts of events. Ids are looked at by nobody here: they are stored as hashes alone."""

from collections.abc import Callable, Iterator, Mapping, Sequence
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
WITH_SEGMENT = frozenset(TABLES)
REMEMBERED_MAX = 50_000
CHARACTERS_MAX = 64
"""Of the shortest kind of text in the contract. A mask is longer than what it stands for, sometimes."""

Seen = Sequence[tuple[str, str]]
"""(field, kind)"""
NOTHING: Seen = ()


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
        data: Any = event.data
        kind = type(data)
        texts = self._getters[kind](data)
        is_clean = texts in self._clean or self._all_clean(texts)
        if is_clean and kind in WITH_SEGMENT and data.segment:
            is_clean = self._is_clean_table(data.segment, tuple(data.segment.values()))
        if is_clean and kind is PredictionMade:
            is_clean = self._are_clean_features(data)
        return (event, NOTHING) if is_clean else self._masked(event)

    def _are_clean_features(self, data: PredictionMade) -> bool:
        values = [value for value in data.features.values() if type(value) is str]
        if not self._is_clean_table(data.features, tuple(values)):
            return False
        return not data.probabilities or self._is_clean_table(data.probabilities, ())

    def _is_clean_table(self, table: Mapping[str, Any], values: tuple[str, ...]) -> bool:
        names = tuple(table)
        if names not in self._clean and not self._all_clean(names):
            return False
        return values in self._clean or self._all_clean(values)

    def _all_clean(self, texts: tuple[Any, ...]) -> bool:
        if any(type(text) is str and self.mask(text).kinds for text in texts):
            return False
        if len(self._clean) >= REMEMBERED_MAX:
            self._clean.clear()
        self._clean.add(texts)
        return True

    def _masked(self, event: AgentEvent) -> tuple[AgentEvent, Seen]:
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
        return event.model_copy(update={"data": data.model_copy(update=changes)}), seen

    def _table(self, table: Mapping[str, Any], name: str, seen: list[tuple[str, str]]) -> Iterator[tuple[str, Any]]:
        for key, value in table.items():
            shown = self._text(key, name, seen)
            yield shown, self._text(value, f"{name}.{shown}", seen) if type(value) is str else value

    def _text(self, text: str, name: str, seen: list[tuple[str, str]]) -> str:
        found = self.mask(text)
        seen += [(name, kind) for kind in found.kinds]
        return found.text if not found.kinds else found.text[: max(len(text), CHARACTERS_MAX)]
