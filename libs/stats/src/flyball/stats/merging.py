"""Merges summaries: exact, associative and commutative, so that any split, order or grouping gives the same bytes.

The model itself says how: whole numbers add, mappings merge by key, tuples by the fields that tell their members
apart. A field of a kind that has no rule is an error when the first summary is merged, never a figure that is lost.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from operator import attrgetter
from types import NoneType, UnionType
from typing import Annotated, Any, Final, TypeVar, Union, get_args, get_origin

from pydantic import BaseModel

from flyball.schemas.summaries import (
    CalibrationStatistics,
    EvaluationStatistics,
    FeatureStatistics,
    GuardrailStatistics,
    Histogram,
    MetricStatistics,
    TelemetrySummary,
)

IDENTITIES: Final[Mapping[type[BaseModel], tuple[str, ...]]] = {
    TelemetrySummary: ("tenant", "system", "release", "segment", "bucket_start"),
    EvaluationStatistics: ("metric", "evaluator", "evaluator_version", "sampling_ppm"),
    GuardrailStatistics: ("rule", "kind"),
    FeatureStatistics: ("reference_version",),
    CalibrationStatistics: ("judge",),
    MetricStatistics: ("metric", "unit", "layer"),
}
"""What tells one from another; only what is alike in all of these adds up."""
SMALLEST: Final = frozenset({"minimum_micro"})
LARGEST: Final = frozenset({"maximum_micro", "event_time_max"})
"""All other whole numbers add."""

Rule = Callable[[Sequence[Any]], Any]
Model = TypeVar("Model", bound=BaseModel)


def merge(summaries: Iterable[TelemetrySummary]) -> TelemetrySummary:
    """The sum of deltas of one tenant, system, release, segment and bucket, in its one canonical form.

    Raises ``ValueError`` for none at all, or for deltas of different keys.
    """
    held = list(summaries)
    if len({key_of(summary) for summary in held}) != 1:
        raise ValueError("merge takes the deltas of one bucket; of several use merge_by_key or total")
    return _merged(TelemetrySummary, held)


def merge_by_key(summaries: Iterable[TelemetrySummary]) -> tuple[TelemetrySummary, ...]:
    """One summary for each key, in the order of their keys."""
    by_key: dict[tuple[Any, ...], list[TelemetrySummary]] = {}
    for summary in summaries:
        by_key.setdefault(key_of(summary), []).append(summary)
    return tuple(_merged(TelemetrySummary, by_key[key]) for key in sorted(by_key, key=_sortable))


def total(summaries: Iterable[TelemetrySummary]) -> TelemetrySummary:
    """The sum over releases, segments and buckets of one system.

    Where releases or segments differ the sum has None; its bucket is the earliest one.
    Raises ``ValueError`` for none at all, or for more than one tenant or system.
    """
    held = list(summaries)
    if len({(summary.tenant, summary.system) for summary in held}) != 1:
        raise ValueError("total takes at least one summary, all of one tenant and system")
    merged = _merged(TelemetrySummary, held)
    shared = {
        "release": _one_or_none([summary.release for summary in held]),
        "segment": _one_or_none([summary.segment for summary in held]),
        "bucket_start": min(summary.bucket_start for summary in held),
    }
    return merged.model_copy(update=shared)


def merge_histograms(histograms: Iterable[Histogram]) -> Histogram:
    """The sum of histograms; an empty one of none."""
    return _merged(Histogram, list(histograms))


def key_of(summary: TelemetrySummary) -> tuple[Any, ...]:
    """Tenant, system, release, segment, bucket."""
    return _identity(summary)


def _merged(model: type[Model], parts: Sequence[Model]) -> Model:
    merged = {name: rule([getattr(part, name) for part in parts]) for name, rule in _rules(model).items()}
    return model.model_construct(**merged)


@cache
def _rules(model: type[BaseModel]) -> Mapping[str, Rule]:
    same = frozenset(IDENTITIES.get(model, ()))
    return {
        name: _first if name in same else _rule(name, field.annotation) for name, field in model.model_fields.items()
    }


def _rule(name: str, annotation: Any) -> Rule:
    """How values of this kind merge. Raises ``TypeError`` for a kind of which nobody has said how."""
    kind, arguments = _kind(annotation)
    if name in LARGEST:
        return max
    if name in SMALLEST:
        return min
    if kind is int:
        return sum
    if kind is dict:
        return _by_key(_rule(name, arguments[1]))
    if kind is tuple and _kind(arguments[0])[0] in IDENTITIES:
        return _by_identity(arguments[0])
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        return lambda values: _merged(kind, values)
    raise TypeError(f"nobody has said how {name}: {annotation} merges; say it in flyball.stats.merging")


def _kind(annotation: Any) -> tuple[Any, tuple[Any, ...]]:
    """The type without its bounds, and its arguments; of an optional one what it is if it is there."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _kind(arguments[0])
    if origin in {Union, UnionType}:
        [given] = [each for each in arguments if each is not NoneType]
        return _kind(given)
    return origin or annotation, arguments


def _first(values: Sequence[Any]) -> Any:
    return values[0]


def _by_key(rule: Rule) -> Rule:
    def merged(mappings: Sequence[Mapping[Any, Any]]) -> dict[Any, Any]:
        by_key: dict[Any, list[Any]] = {}
        for mapping in mappings:
            for key, value in mapping.items():
                # 0.0 and -0.0 are one key, and would be written as whichever came first.
                by_key.setdefault(key + 0.0 if type(key) is float else key, []).append(value)
        return {key: rule(by_key[key]) for key in sorted(by_key)}

    return merged


def _by_identity(model: type[BaseModel]) -> Rule:
    def merged(tuples: Sequence[tuple[BaseModel, ...]]) -> tuple[BaseModel, ...]:
        by_identity: dict[tuple[Any, ...], list[BaseModel]] = {}
        for members in tuples:
            for member in members:
                by_identity.setdefault(_identity(member), []).append(member)
        return tuple(_merged(model, by_identity[key]) for key in sorted(by_identity))

    return merged


def _identity(value: BaseModel) -> tuple[Any, ...]:
    found: tuple[Any, ...] = attrgetter(*IDENTITIES[type(value)])(value)
    return found if isinstance(found, tuple) else (found,)


def _sortable(key: tuple[Any, ...]) -> tuple[tuple[bool, Any], ...]:
    return tuple((part is not None, part if part is not None else 0) for part in key)


def _one_or_none(values: Sequence[str | None]) -> str | None:
    return values[0] if len(set(values)) == 1 else None
