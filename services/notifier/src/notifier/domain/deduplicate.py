"""Stage 2, de-duplicate: is this news? An episode begins once and ends once, in whatever order it is told."""

from typing import Literal

from flyball.schemas.alerts import RESOLVED, Alert
from notifier.domain.board import KnownAlert

Sighting = Literal["new", "changed", "repeated", "ended", "unknown", "stale"]


def sighting(known: KnownAlert | None, alert: Alert) -> Sighting:
    """What a record adds to what is known. ``started_at`` tells episodes of one fingerprint apart.

    ``changed``: it fires with another severity. ``unknown``: the end of what was never seen to begin.
    ``stale``: it speaks of an episode that is over.
    """
    if alert.status == RESOLVED:
        return _end(known, alert)
    if known is None:
        return "new"
    if alert.started_at < known.alert.started_at:
        return "stale"
    if not known.firing:
        return "new" if alert.started_at > known.alert.started_at else "stale"
    return "repeated" if alert.severity == known.alert.severity else "changed"


def _end(known: KnownAlert | None, alert: Alert) -> Sighting:
    if known is None:
        return "unknown"
    if not known.firing:
        return "repeated" if alert.started_at <= known.alert.started_at else "unknown"
    return "stale" if alert.started_at < known.alert.started_at else "ended"
