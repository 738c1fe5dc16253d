"""Stage 5, silence: what people asked not to be told for a while."""

from collections.abc import Iterable, Mapping
from datetime import datetime

from notifier.domain.inputs import Silence
from notifier.domain.matchers import matches


def silenced_by(labels: Mapping[str, str], silences: Iterable[Silence], now: datetime) -> Silence | None:
    """The silence that covers an alert now: from its start to before its end."""
    return next(
        (each for each in silences if each.starts_at <= now < each.ends_at and matches(each.matchers, labels)), None
    )
