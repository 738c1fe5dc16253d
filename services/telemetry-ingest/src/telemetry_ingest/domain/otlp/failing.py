"""Did an interaction fail? Its own spans say so; but some frameworks end theirs well, even with OK, all the same.

So a failed request, or a failed agent within, that nothing came after is the interaction's failure. What tools and
other spans fail at is for the agent to deal with: models are told of it, and go on.
"""

from collections.abc import Sequence

from telemetry_ingest.domain.otlp.facts import INFERENCE, SpanFacts
from telemetry_ingest.domain.otlp.shape import Spans, above, below, tops_by_id


def error_of(spans: Spans, heads: Sequence[SpanFacts]) -> str | None:
    """The type of the error that the interaction of ``heads`` ended with, None if it went well."""
    if all(span.error is None for span in spans.values()):
        return None
    own = next((head.error for head in heads if head.error is not None), None)
    return own or _unhandled(spans, heads)


def _unhandled(spans: Spans, heads: Sequence[SpanFacts]) -> str | None:
    work = _work(spans, {head.span_id for head in heads})
    failed = {span.span_id for span in work if span.error is not None}
    if not failed:
        return None
    deepest = [spans[span_id] for span_id in failed - above(spans, failed)]
    last = max(deepest or work, key=lambda span: (span.end_ns, span.start_ns, span.span_id))
    # A request in parallel may be the one that was needed; a failed agent had its whole time to be replaced.
    since_ns = last.start_ns if last.role == INFERENCE else last.end_ns
    its_own = {last.span_id, *above(spans, {last.span_id}), *below(spans, {last.span_id})}
    went_on = any(span.end_ns > since_ns for span in work if span.error is None and span.span_id not in its_own)
    return None if went_on else last.error


def _work(spans: Spans, heads: set[str]) -> list[SpanFacts]:
    """Requests, and agents within; but for those that are certainly not below the interaction."""
    known, tops = heads | below(spans, heads), tops_by_id(spans)
    return [
        span
        for span_id, span in spans.items()
        if (span.role == INFERENCE or (span.is_agent_like and span_id not in heads))
        and (span_id in known or spans[tops[span_id]].parent_span_id is not None)
    ]
