"""Which values of labels are told apart, and which combinations: the first so many, in the order of the records."""

from collections.abc import Iterable, Mapping
from hashlib import blake2b

from telemetry_ingest.domain.assign import segment_name

LABELS_MAX = 32
"""Different labels of one feed; a further one is ``other=other``."""
OTHER = "other"
REMEMBERED_MAX = 4_096
HASH_BYTES = 8
Known = dict[str, dict[str, None]]
"""Values by label, in the order in which they came."""


class Labels:
    """The labels of one feed, and the segments that they make."""

    def __init__(self, known: Mapping[str, tuple[str, ...]], segments: Iterable[str] = ()) -> None:
        self.known: Known = {label: dict.fromkeys(values) for label, values in known.items()}
        self.segments = dict.fromkeys(segments)
        """Hashes of their names, in the order in which they came."""
        self.have_changed = False
        self._told_apart: set[tuple[tuple[str, str], ...]] = set()

    def others(self, segment: Mapping[str, str], values_max: int, segments_max: int) -> int:
        """How many of a segment's labels count as ``other``: none for nearly every segment."""
        items = tuple(segment.items())
        if items in self._told_apart:
            return 0
        others = sum(not self._tells(label, value, values_max) for label, value in items)
        if not self._tells_segment(self._named(segment) if others else segment, segments_max):
            return len(items)
        if not others:
            # What is told apart once is for ever, whatever the policy says later; only that can be remembered.
            if len(self._told_apart) >= REMEMBERED_MAX:
                self._told_apart.clear()
            self._told_apart.add(items)
        return others

    def shown(self, segment: Mapping[str, str]) -> dict[str, str]:
        """The segment with ``other`` for whatever is not told apart; ``other=other`` for one combination too many."""
        named = self._named(segment)
        return named if hash_of(named) in self.segments else {OTHER: OTHER}

    def frozen(self) -> dict[str, tuple[str, ...]]:
        return {label: tuple(values) for label, values in self.known.items()}

    def _named(self, segment: Mapping[str, str]) -> dict[str, str]:
        known = self.known
        return {
            label if label in known else OTHER: value if value in known.get(label, ()) else OTHER
            for label, value in segment.items()
        }

    def _tells(self, label: str, value: str, values_max: int) -> bool:
        values = self.known.get(label)
        if values is None:
            if len(self.known) >= LABELS_MAX:
                return False
            values = self.known[label] = {}
        if value in values:
            return True
        if len(values) >= values_max:
            return False
        values[value] = None
        self.have_changed = True
        return True

    def _tells_segment(self, segment: Mapping[str, str], segments_max: int) -> bool:
        code = hash_of(segment)
        if code in self.segments:
            return True
        if len(self.segments) >= segments_max:
            return False
        self.segments[code] = None
        self.have_changed = True
        return True


def hash_of(segment: Mapping[str, str]) -> str:
    """Of the name that it is counted under, whatever order its labels stand in."""
    return blake2b(segment_name(segment).encode(), digest_size=HASH_BYTES).hexdigest()
