"""Which values of labels are told apart: the first so many of each label, in the order of the records."""

from collections.abc import Mapping

LABELS_MAX = 32
"""Different labels of one feed; a further one is ``other=other``."""
OTHER = "other"
REMEMBERED_MAX = 4_096
Known = dict[str, dict[str, None]]
"""Values by label, in the order in which they came."""


class Labels:
    """The labels of one feed."""

    def __init__(self, known: Mapping[str, tuple[str, ...]]) -> None:
        self.known: Known = {label: dict.fromkeys(values) for label, values in known.items()}
        self.have_changed = False
        self._told_apart: set[tuple[tuple[str, str], ...]] = set()

    def others(self, segment: Mapping[str, str], values_max: int) -> int:
        """How many of a segment's labels count as ``other``: none for nearly every segment."""
        items = tuple(segment.items())
        if items in self._told_apart:
            return 0
        others = sum(not self._tells(label, value, values_max) for label, value in items)
        if not others:
            # What is told apart once is for ever, whatever the policy says later; only that can be remembered.
            if len(self._told_apart) >= REMEMBERED_MAX:
                self._told_apart.clear()
            self._told_apart.add(items)
        return others

    def shown(self, segment: Mapping[str, str]) -> dict[str, str]:
        """The segment with ``other`` for whatever is not told apart."""
        known = self.known
        return {
            label if label in known else OTHER: value if value in known.get(label, ()) else OTHER
            for label, value in segment.items()
        }

    def frozen(self) -> dict[str, tuple[str, ...]]:
        return {label: tuple(values) for label, values in self.known.items()}

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
