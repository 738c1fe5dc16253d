"""For which moments a batch asks for references."""

from datetime import UTC, datetime, timedelta

from flyball.schemas.plain import PredictionMade
from telemetry_ingest.domain.assign import Assigned

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def spans_of_features(assigned: Assigned) -> dict[tuple[str, str], tuple[datetime, datetime]]:
    """Moments between which each system's features ask for a reference, from the first to the last.

    A bucket is counted on the reference at its start, if that had been announced when the broker got the event.
    An event may be a little ahead of its time; a replay would know more than the first reading did.
    """
    predicted = {place for place, kind in zip(assigned.places, assigned.kinds, strict=True) if kind is PredictionMade}
    if not predicted:
        return {}
    earliest_us = min([event.raw.timestamp_ms for event in assigned.events]) * 1_000
    starts: dict[tuple[str, str], list[int]] = {}
    for place in predicted:
        key = assigned.keys[place]
        starts.setdefault((key.tenant, key.system), []).append(key.start_seconds * 1_000_000)
    return {system: (moment(min(earliest_us, *found)), moment(max(found))) for system, found in starts.items()}


def moment(at_us: int) -> datetime:
    return EPOCH + timedelta(microseconds=at_us)
