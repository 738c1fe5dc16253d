"""Whether a feed can be trusted: until an expectation is broken too often, and again after its owner's word."""

from typing import Any

from telemetry_ingest.domain.feeds.expectations import Breach, Window, breach, slot_seconds
from telemetry_ingest.domain.feeds.notices import Notice, Quarantined
from telemetry_ingest.domain.feeds.rules import Rules
from telemetry_ingest.domain.feeds.state import FeedState, Quarantine, Windows
from telemetry_ingest.domain.marks import Checked


class Trust:
    def __init__(self, state: FeedState) -> None:
        self.quarantine = state.quarantine
        self.released_ms = state.released_ms
        self.windows_have_changed = self.quarantine_has_changed = False
        self._slot_seconds = state.windows.slot_seconds
        self._windows = {name: Window(self._slot_seconds, slots) for name, slots in state.windows.slots.items()}

    @property
    def holds(self) -> bool:
        return self.quarantine is None

    @property
    def has_changed(self) -> bool:
        return self.windows_have_changed or self.quarantine_has_changed

    @property
    def windows(self) -> Windows:
        slots = {name: tuple((a, b, c, d) for a, b, c, d in one.slots) for name, one in self._windows.items()}
        return Windows(self._slot_seconds, slots)

    def kept(self) -> None:
        self.windows_have_changed = self.quarantine_has_changed = False

    def check(self, data: Any, rules: Rules, at_ms: int, notices: list[Notice]) -> tuple[Checked, ...]:
        """Hold one event against what is expected of it, in the order of the records."""
        if self.released_ms is not None and at_ms > self.released_ms:
            self._begin(None)
        checked = tuple(each.check(data) for each in rules.expected.get(type(data), ()))
        if checked and self.quarantine is None:
            worst = self._count(checked, rules, at_ms)
            if worst is not None:
                self._begin(_quarantine(worst, rules, at_ms))
                notices += [Quarantined(self.quarantine)] if self.quarantine else []
        return checked

    def _count(self, checked: tuple[Checked, ...], rules: Rules, at_ms: int) -> Breach | None:
        """Rates are looked at when a row makes one worse; the first that passes its limit ends the trust."""
        seconds = slot_seconds(rules.policy.quarantine_window_seconds)
        if seconds != self._slot_seconds:
            self._slot_seconds, self._windows = seconds, {}
        self.windows_have_changed = True
        worst: Breach | None = None
        for each in checked:
            window = self._windows.get(each.field)
            if window is None:
                window = self._windows[each.field] = Window(seconds)
            window.add(at_ms // 1_000, each)
            if worst is None and (each.is_broken or each.is_null):
                expectation = rules.policy.expectations[each.field]
                worst = breach(each.field, window, expectation, rules.policy.quarantine_rows_min)
        return worst

    def _begin(self, quarantine: Quarantine | None) -> None:
        """Either way rows are counted anew."""
        self.quarantine, self.released_ms, self._windows = quarantine, None, {}
        self.quarantine_has_changed = self.windows_have_changed = True


def _quarantine(breach: Breach, rules: Rules, at_ms: int) -> Quarantine:
    return Quarantine(
        since_ms=at_ms,
        field=breach.field,
        what=breach.what,
        count=breach.count,
        rows=breach.rows,
        limit_ppm=breach.limit_ppm,
        window_seconds=rules.policy.quarantine_window_seconds,
        policy_version=rules.version,
        owner=rules.owner,
    )
