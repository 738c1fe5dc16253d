"""What a feed has to tell, and how often it may: once for each kind of trouble, and again after a while."""

from dataclasses import dataclass

from telemetry_ingest.domain.feeds.state import Quarantine, Told

PERSONAL_DATA, UNPRICED, UNDECLARED = "pii.detected", "model.unpriced", "system.undeclared"
AGAIN_AFTER_MS = 3_600_000
"""Personal data of one kind in one field is told once an hour, with its count since."""
SUBJECTS_MAX = 64
"""Different fields or models of one feed that are told of; what is more is told as one."""
OTHERS = "other"
ONLY_ONCE = frozenset({UNPRICED, UNDECLARED})


@dataclass(frozen=True, slots=True)
class Noticed:
    """An exception to be told. ``at_ms`` is the append time of the record that led to it."""

    kind: str
    field: str | None
    subject: str
    count: int
    at_ms: int
    release: str | None = None


@dataclass(frozen=True, slots=True)
class Priced:
    """A model that had no price has one again."""

    model: str
    since_ms: int
    at_ms: int


@dataclass(frozen=True, slots=True)
class Quarantined:
    quarantine: Quarantine


Notice = Noticed | Priced | Quarantined


class Notices:
    """What one feed has told so far."""

    def __init__(self, told: dict[str, Told]) -> None:
        self.told = told
        self.have_changed = False

    def notice(self, kind: str, subject: str, field: str | None, at_ms: int, release: str | None) -> Noticed | None:
        """Count it; what is to be told of it now, if anything."""
        key = _key(kind, subject, field)
        before = self.told.get(key)
        if before is None and len(self.told) >= SUBJECTS_MAX:
            subject, field = OTHERS, OTHERS if field else None
            key = _key(kind, subject, field)
            before = self.told.get(key)
        if before is not None and (kind in ONLY_ONCE or at_ms - before.at_ms < AGAIN_AFTER_MS):
            if kind not in ONLY_ONCE:
                self._keep(key, Told(before.at_ms, before.since + 1))
            return None
        self._keep(key, Told(at_ms))
        return Noticed(kind, field, subject, before.since + 1 if before else 1, at_ms, release)

    def forget(self, kind: str, subject: str, field: str | None) -> Told | None:
        """It is over: it would be told again."""
        found = self.told.pop(_key(kind, subject, field), None)
        self.have_changed = self.have_changed or found is not None
        return found

    def _keep(self, key: str, told: Told) -> None:
        self.told[key] = told
        self.have_changed = True


def _key(kind: str, subject: str, field: str | None) -> str:
    return "\n".join((kind, subject, field or ""))
