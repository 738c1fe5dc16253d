"""Figures and states as people read them. Unknown is a word of its own, never a number."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

UNKNOWN: Final = "unknown"
TIMES: Final = "\u00d7"
FILTERS: Final = (
    "percent",
    "count",
    "moment",
    "clock",
    "span",
    "until",
    "ago",
    "rate",
    "pretty",
    "short",
    "words",
    "severity",
    "verdict",
)
PPM: Final = 1_000_000
UNITS: Final = ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s"))


@dataclass(frozen=True, slots=True)
class Zone:
    """A state by word, shape and colour; ``rank`` puts the worst first. ``tone`` is good, warn, bad or none."""

    word: str
    shape: str
    tone: str
    rank: int


ZONES: Final[Mapping[str, Zone]] = {
    "red": Zone("Red", "square", "bad", 0),
    "freeze": Zone("Freeze", "square", "bad", 0),
    "yellow": Zone("Yellow", "triangle", "warn", 1),
    "caution": Zone("Caution", "triangle", "warn", 1),
    "green": Zone("Green", "circle", "good", 2),
    "velocity": Zone("Velocity", "circle", "good", 2),
    "insufficient_data": Zone("Too little data", "half", "none", 3),
    "no_data": Zone("No data", "ring", "none", 4),
}
STRANGE: Final = Zone("Unknown", "ring", "none", 5)
VERDICTS: Final[Mapping[tuple[str, str], str]] = {
    ("approval", "approve"): "Approved",
    ("approval", "reject"): "Refused",
    ("audit", "approve"): "Found right",
    ("audit", "reject"): "Found wrong",
}
SEVERITIES: Final = {0: "bad", 1: "bad", 2: "warn", 3: "none"}


def zone_of(name: str | None) -> Zone:
    return ZONES.get(name or "", STRANGE)


def percent(ppm: int | None) -> str:
    """Millionths as a percentage with one decimal, rounded down so that a budget never looks better than it is."""
    return UNKNOWN if ppm is None else f"{ppm // 1_000 / 10:.1f} %"


def count(number: int | None) -> str:
    return UNKNOWN if number is None else f"{number:,}".replace(",", "\u202f")


def rate(value: float | None) -> str:
    """A burn rate; 1 times spends the budget exactly."""
    if value is None:
        return UNKNOWN
    return f"{value:.1f}{TIMES}" if value < 100 else f"{value:.0f}{TIMES}"  # noqa: PLR2004


def moment_of(value: datetime | str | None) -> datetime | None:
    """Raises ``ValueError`` for a text that is no time."""
    if value is None:
        return None
    at = datetime.fromisoformat(value) if isinstance(value, str) else value
    return at.astimezone(UTC)


def moment(value: datetime | str | None) -> str:
    at = moment_of(value)
    return UNKNOWN if at is None else f"{at:%Y-%m-%d %H:%M} UTC"


def clock(value: datetime | str | None) -> str:
    """With seconds, for a row of a log."""
    at = moment_of(value)
    return UNKNOWN if at is None else f"{at:%Y-%m-%d %H:%M:%S}"


def span(length: timedelta) -> str:
    """The two largest units that are not 0: ``3 d 4 h``, ``12 min``."""
    seconds, parts = int(abs(length.total_seconds())), []
    for size, unit in UNITS:
        whole, seconds = divmod(seconds, size)
        if whole:
            parts.append(f"{whole} {unit}")
    kept = parts[:2] if len(parts) > 1 and parts[0].endswith((" d", " h")) else parts[:1]
    return " ".join(kept) or "0 s"


def ago(value: datetime | str | None, now: datetime) -> str:
    at = moment_of(value)
    return UNKNOWN if at is None else "just now" if now - at < timedelta(seconds=1) else f"{span(now - at)} ago"


def until(value: datetime | str | None, now: datetime) -> str:
    """``in 12 min``, or how long it is over."""
    at = moment_of(value)
    if at is None:
        return UNKNOWN
    return f"in {span(at - now)}" if at > now else f"{span(now - at)} over"


def pretty(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, indent=2, ensure_ascii=False, sort_keys=True)


def short(text: str) -> str:
    """The beginning of a hash or id."""
    return text[:12]


def words(name: str) -> str:
    """``rolled_back`` as ``rolled back``."""
    return name.replace("_", " ")


def severity(number: int) -> str:
    return f"sev{number}"


def verdict(resolution: str, kind: str) -> str:
    """What a person said of an action: before it ran, or after."""
    return VERDICTS.get((kind, resolution), words(resolution).capitalize())
