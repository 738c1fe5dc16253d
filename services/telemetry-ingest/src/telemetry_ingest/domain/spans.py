"""For which moments a batch asks for references."""

from datetime import UTC, datetime, timedelta

from flyball.schemas.plain import PredictionMade
from telemetry_ingest.domain.assign import BUCKET_US, Assigned

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def spans_of_features(assigned: Assigned) -> dict[tuple[str, str], tuple[datetime, datetime]]:
    """First and last moment at which each system's features ask for a reference.

    A bucket is counted on the reference at its start, if that had been announced when the broker got the event.
    An event may be a little ahead of its time; a replay would know more than the first reading did.
    """
    spans: dict[tuple[str, str], tuple[int, int]] = {}
    for event, raw, _, at_us, _ in assigned.events:
        if type(event.data) is not PredictionMade:
            continue
        at = min(raw.timestamp_ms * 1000, at_us - at_us % BUCKET_US)
        system = event.tenant, event.subject
        first, last = spans.get(system, (at, at))
        if not first < at < last:
            spans[system] = min(first, at), max(last, at)
    return {system: (moment(first), moment(last)) for system, (first, last) in spans.items()}


def moment(at_us: int) -> datetime:
    return EPOCH + timedelta(microseconds=at_us)
