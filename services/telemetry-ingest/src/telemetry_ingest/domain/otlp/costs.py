"""What the requests of one trace cost together: what spans say, else the requests, for whoever knows their prices."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

from telemetry_ingest.domain.feeds.prices import MICRO_USD_MAX, Request
from telemetry_ingest.domain.otlp.shape import Shape

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def told_cost(shape: Shape) -> int | None:
    """What spans say of their cost, if it is the cost of all: a sum of some is the cost of nothing."""
    costed = {span.span_id for span in shape.cost_of}
    whole = all(span.span_id in costed for span in shape.tokens_of)
    by_agent = len(costed) == 1 and shape.cost_of[0].is_agent_like
    if not costed or not (whole or by_agent):
        return None
    return min(sum(span.cost_micro_usd or 0 for span in shape.cost_of), MICRO_USD_MAX)


def requests_of(shape: Shape) -> Sequence[Request]:
    """The requests that must be priced one by one. One alone is priced as every interaction is."""
    if len(shape.tokens_of) <= 1 or told_cost(shape) is not None:
        return ()
    return tuple(
        Request(
            span.provider,
            span.model,
            span.input_tokens,
            span.output_tokens,
            span.cached_input_tokens,
            moment_of(span.end_ns),
        )
        for span in shape.tokens_of
    )


def moment_of(time_ns: int) -> datetime:
    """The last moment there is, for what lies beyond the year 9999: native events refuse it by its time."""
    try:
        return EPOCH + timedelta(microseconds=time_ns // 1_000)
    except OverflowError:
        return datetime.max.replace(tzinfo=UTC)
