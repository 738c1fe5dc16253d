"""What the requests of one trace cost together. Each is priced by itself: a price of sums would be another one."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

from telemetry_ingest.domain.feeds.prices import ListPrice, cost_micro_usd
from telemetry_ingest.domain.otlp.facts import SpanFacts
from telemetry_ingest.domain.otlp.shape import Shape

MICRO_USD_MAX: Final = 1_000_000_000_000
EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def cost_of(shape: Shape, price: ListPrice) -> int | None:
    """None where nobody knows, or where whoever counts the interaction can price it as it stands.

    That is one request, or several of one model whose price does not depend on their size: there the prices that a
    system has agreed on count, and the price list knows nothing of those.
    """
    told = _told(shape)
    if told is not None or not shape.tokens_of:
        return told
    each = [_listed(span, price) for span in shape.tokens_of]
    known = [cost for cost in each if cost is not None]
    if len(known) < len(each):
        return None
    if len({(span.provider, span.model) for span in shape.tokens_of}) == 1:
        together = _listed(_summed(shape.tokens_of), price)
        # Each is rounded by itself, so the two may differ by half a micro-dollar each.
        if together is not None and abs(together - sum(known)) <= len(known):
            return None
    return min(sum(known), MICRO_USD_MAX)


def moment_of(time_ns: int) -> datetime:
    """The last moment there is, for what lies beyond the year 9999: native events refuse it by its time."""
    try:
        return EPOCH + timedelta(microseconds=time_ns // 1_000)
    except OverflowError:
        return datetime.max.replace(tzinfo=UTC)


def _told(shape: Shape) -> int | None:
    """What spans say of their cost, if it is the cost of all: a sum of some is the cost of nothing."""
    costed = {span.span_id for span in shape.cost_of}
    whole = all(span.span_id in costed for span in shape.tokens_of)
    by_agent = len(costed) == 1 and shape.cost_of[0].is_agent_like
    if not costed or not (whole or by_agent):
        return None
    return min(sum(span.cost_micro_usd or 0 for span in shape.cost_of), MICRO_USD_MAX)


def _listed(span: SpanFacts, price: ListPrice) -> int | None:
    listing = price(span.provider, span.model) if span.model is not None else None
    tariff = None if listing is None else listing.at(moment_of(span.end_ns))
    if tariff is None:
        return None
    return cost_micro_usd(tariff, span.input_tokens, span.output_tokens, span.cached_input_tokens)


def _summed(spans: Sequence[SpanFacts]) -> SpanFacts:
    return spans[0]._replace(
        input_tokens=sum(span.input_tokens or 0 for span in spans),
        output_tokens=sum(span.output_tokens or 0 for span in spans),
        cached_input_tokens=sum(span.cached_input_tokens or 0 for span in spans),
    )
