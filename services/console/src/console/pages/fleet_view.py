"""The fleet, worst first, from what the services said. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from console.pages.knowledge import Known, Panel
from console.pages.words import Zone, moment_of, zone_of

NOTHING_LEFT_TO_COMPARE = 10**12
"""Behind every budget that has a figure."""


@dataclass(frozen=True, slots=True)
class Measured:
    """What became of a system's events."""

    published: int
    counted: int
    duplicates: int
    rejected: int
    late: int
    last_seen_at: datetime | None


@dataclass(frozen=True, slots=True)
class Spent:
    """The budget that is worst of a system's, and how it goes. ``remaining_ppm`` None: nothing can be said."""

    dimension: str
    zone: Zone
    remaining_ppm: int | None
    burn_rate: float | None
    exhausted_at: datetime | None


@dataclass(frozen=True, slots=True)
class Troubles:
    """Open incidents; ``worst`` is the lowest number of a severity."""

    count: int = 0
    worst: int | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """One system; None where the service that knows could not say."""

    system: str
    spent: Spent | None
    levels: Sequence[str] | None
    killed: bool
    troubles: Troubles | None
    measured: Measured | None

    @property
    def order(self) -> tuple[int, int, str]:
        if self.spent is None:
            return zone_of(None).rank, NOTHING_LEFT_TO_COMPARE, self.system
        remaining = self.spent.remaining_ppm
        return self.spent.zone.rank, NOTHING_LEFT_TO_COMPARE if remaining is None else remaining, self.system


@dataclass(frozen=True, slots=True)
class Fleet:
    rows: Sequence[Row]
    tally: Mapping[str, int] = field(default_factory=dict)
    """How many systems are bad, warn, good and none."""


Items = list[dict[str, Any]]


def fleet(
    declared: Iterable[str], budgets: Panel[Items], totals: Panel[Items], levels: Panel[Items], incidents: Panel[Items]
) -> Fleet:
    """Every system that anybody has heard of. Raises what an answer of another release makes raise."""
    spent, measured = _by_system(budgets, worst_budget), _by_system(totals, _measured)
    classes = _grouped(levels)
    troubles = _troubles(incidents)
    names = {*declared, *(spent or ()), *(measured or ()), *(classes or ()), *(troubles or ())}
    rows = [
        Row(
            system=name,
            spent=None if spent is None else spent.get(name) or _nothing_spent(),
            levels=None if classes is None else level_words(classes.get(name, [])),
            killed=any(item["killed"] for item in (classes or {}).get(name, [])),
            troubles=None if troubles is None else troubles.get(name, Troubles()),
            measured=None if measured is None else measured.get(name) or Measured(0, 0, 0, 0, 0, None),
        )
        for name in names
    ]
    ordered = sorted(rows, key=lambda row: row.order)
    tones = [row.spent.zone.tone if row.spent else "none" for row in ordered]
    return Fleet(ordered, {tone: tones.count(tone) for tone in ("bad", "warn", "good", "none")})


def worst_budget(item: Mapping[str, Any]) -> Spent:
    """Of one system's statements: the worst zone, of those the least that is left."""
    found = [_statement(item, statement) for statement in item["budgets"]]
    if not found:
        return _nothing_spent()
    return min(
        found, key=lambda s: (s.zone.rank, NOTHING_LEFT_TO_COMPARE if s.remaining_ppm is None else s.remaining_ppm)
    )


def level_words(classes: Iterable[Mapping[str, Any]]) -> list[str]:
    """The levels of a system's newest epochs, lowest first: ``["L1", "L3"]``."""
    found = {item["levels"][0]["level"] if item["levels"] else item["starting_level"] for item in classes}
    return [f"L{level}" for level in sorted(found)]


def severity_of(incident: Mapping[str, Any]) -> int:
    """0 is the worst, whatever the scheme on the wire."""
    wire = incident["severity"]
    return int(wire["value"][1:]) - (1 if wire["scheme"] == "p1p4" else 0)


def _statement(item: Mapping[str, Any], statement: Mapping[str, Any]) -> Spent:
    pace = item.get("pace", {}).get(statement["dimension"], {})
    return Spent(
        statement["dimension"],
        zone_of(statement["zone"]),
        statement["remaining_ppm"] if zone_of(statement["zone"]).tone != "none" else None,
        pace.get("burn_rate"),
        moment_of(pace.get("exhausted_at")),
    )


def _nothing_spent() -> Spent:
    return Spent("", zone_of("no_data"), None, None, None)


def _measured(item: Mapping[str, Any]) -> Measured:
    return Measured(
        published=item["published"],
        counted=item["counted"],
        duplicates=item["duplicates"],
        rejected=item["rejected"],
        late=item["late"],
        last_seen_at=moment_of(item["last_seen_at"]),
    )


def _by_system(panel: Panel[Items], read: Any) -> dict[str, Any] | None:
    return {item["system"]: read(item) for item in panel.value} if isinstance(panel, Known) else None


def _grouped(panel: Panel[Items]) -> dict[str, Items] | None:
    if not isinstance(panel, Known):
        return None
    groups: dict[str, Items] = {}
    for item in panel.value:
        groups.setdefault(item["system"], []).append(item)
    return groups


def _troubles(panel: Panel[Items]) -> dict[str, Troubles] | None:
    if not isinstance(panel, Known):
        return None
    found: dict[str, Troubles] = {}
    for incident in panel.value:
        for system in incident["systems"]:
            known = found.get(system, Troubles())
            worst = severity_of(incident) if known.worst is None else min(known.worst, severity_of(incident))
            found[system] = Troubles(known.count + 1, worst)
    return found
