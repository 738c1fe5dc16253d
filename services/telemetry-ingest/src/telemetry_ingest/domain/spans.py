"""For which moments a batch asks for references."""

from collections.abc import Iterable
from datetime import UTC, datetime

from flyball.schemas.native import PredictionMade
from telemetry_ingest.domain.condense import bucket_start_seconds
from telemetry_ingest.domain.verdicts import Accepted


def spans_of_features(accepted: Iterable[Accepted]) -> dict[tuple[str, str], tuple[datetime, datetime]]:
    """First and last moment at which each system's features ask for a reference."""
    spans: dict[tuple[str, str], tuple[datetime, datetime]] = {}
    for one in accepted:
        event = one.event
        if not isinstance(event.data, PredictionMade):
            continue
        at = _judged_at(bucket_start_seconds(event.time), one.raw.recorded_at)
        first, last = spans.get((event.tenant, event.subject), (at, at))
        spans[event.tenant, event.subject] = min(first, at), max(last, at)
    return spans


def _judged_at(start_seconds: int, recorded_at: datetime) -> datetime:
    """A bucket is counted on the reference at its start, if that had been announced when the broker got the event.

    An event may be a little ahead of its time; a replay would know more than the first reading did.
    """
    return min(recorded_at, datetime.fromtimestamp(start_seconds, UTC))
