"""The shape of one trace: which span is the interaction, and whose tokens count. A function of the set of spans."""

from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter

from telemetry_ingest.domain.otlp.facts import INFERENCE, SpanFacts

Spans = Mapping[str, SpanFacts]
"""The spans of one trace by their ids."""
_BY_START = attrgetter("start_ns", "span_id")


@dataclass(frozen=True, slots=True)
class Shape:
    """``heads`` are the interaction: the outermost agent-like spans, else the root. The first one names it."""

    heads: Sequence[SpanFacts]
    tokens_of: Sequence[SpanFacts]
    cost_of: Sequence[SpanFacts]


def shape_of(spans: Spans, gaps: Container[str] = ()) -> Shape:
    """The shape of a trace that has at least one span, the same in whatever order the spans came.

    ``gaps``: spans below which something was told already, whose figures they and what is above them repeat.
    """
    agents = {span_id for span_id, span in spans.items() if span.is_agent_like}
    outermost = agents - below(spans, agents) if len(agents) > 1 else agents
    heads = [spans[span_id] for span_id in outermost] or _tops(spans)
    told = {span_id for span_id in spans if span_id in gaps}
    told |= above(spans, told)
    return Shape(in_order(heads), _deepest(spans, told, _has_tokens), _deepest(spans, told, _has_cost))


def in_order(spans: Iterable[SpanFacts]) -> list[SpanFacts]:
    """By start, then by id."""
    return sorted(spans, key=_BY_START)


def orphans(spans: Spans) -> list[SpanFacts]:
    """Spans whose parent has not come."""
    return [span for span in spans.values() if span.parent_span_id is not None and span.parent_span_id not in spans]


def is_of_interest(span: SpanFacts) -> bool:
    """Does it tell of an interaction? A trace without such a span is somebody's web server."""
    if span.is_agent_like or span.role == INFERENCE or span.evaluations:
        return True
    return (span.confidence, span.escalated, span.autonomous, span.outcome) != (None, None, None, None)


def _tops(spans: Spans) -> list[SpanFacts]:
    """The root; without one, whatever has no parent here; in a circle of parents, anything."""
    roots = [span for span in spans.values() if span.parent_span_id is None]
    return roots or orphans(spans) or in_order(spans.values())[:1]


def below(spans: Spans, marked: set[str]) -> set[str]:
    """Spans that have a marked one somewhere above them."""
    known: dict[str, bool] = {}
    # In the order of ids, so that a circle of parents comes out the same each time.
    for span_id in sorted(spans):
        path, above = _climb(spans, span_id, known)
        answer = above is not None and (known[above] or above in marked)
        for step in reversed(path):
            known[step] = answer
            answer = answer or step in marked
    return {span_id for span_id, is_below in known.items() if is_below}


def above(spans: Spans, marked: set[str]) -> set[str]:
    """Spans that have a marked one somewhere below them."""
    found: set[str] = set()
    for span_id in marked:
        step = spans[span_id].parent_span_id
        while step is not None and step in spans and step not in found:
            found.add(step)
            step = spans[step].parent_span_id
    return found


def tops_by_id(spans: Spans) -> dict[str, str]:
    """For each span the highest one above it, which may be itself."""
    known: dict[str, str] = {}
    for span_id in sorted(spans):
        path, above = _climb(spans, span_id, known)
        if path:
            top = path[-1] if above is None else known[above]
            known.update(dict.fromkeys(path, top))
    return known


def _climb(spans: Spans, span_id: str, known: Mapping[str, object]) -> tuple[list[str], str | None]:
    """Ids from ``span_id`` upwards, and the known one that they lead to: None at a root, a gap or a circle."""
    path: dict[str, None] = {}
    step: str | None = span_id
    while step is not None and step in spans and step not in known and step not in path:
        path[step] = None
        step = spans[step].parent_span_id
    return list(path), step if step in known else None


def _deepest(spans: Spans, told: set[str], bears: Callable[[SpanFacts], bool]) -> list[SpanFacts]:
    """Spans that bear a figure while nothing below them does: what is above repeats the sums of its children."""
    bearing = {span_id for span_id, span in spans.items() if bears(span) and span_id not in told}
    if not bearing:
        return []
    return _without_repeaters(spans, in_order(spans[span_id] for span_id in bearing - above(spans, bearing)))


def _without_repeaters(spans: Spans, deepest: Sequence[SpanFacts]) -> list[SpanFacts]:
    """An agent's own figure may be the sum of children that hang on a span that has not come."""
    if not any(span.is_agent_like for span in deepest):
        return list(deepest)
    tops = tops_by_id(spans)
    bearers = {tops[span.span_id] for span in deepest if not span.is_agent_like}
    cut_off = {top for top in bearers if spans[top].parent_span_id is not None}
    return [span for span in deepest if not (span.is_agent_like and cut_off - {tops[span.span_id]})]


def _has_tokens(span: SpanFacts) -> bool:
    return span.input_tokens is not None or span.output_tokens is not None


def _has_cost(span: SpanFacts) -> bool:
    return span.cost_micro_usd is not None
