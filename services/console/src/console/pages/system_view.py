"""One system, from what the services said. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from console.pages.burn_down import Marker
from console.pages.fleet_view import Items, Spent, severity_of
from console.pages.words import PPM, Zone, moment_of, words, zone_of

TIME_BUDGETS: Final = frozenset({"availability"})
SHOWN_STEPS: Final = frozenset({"canary", "done", "held", "rolling_back", "rolled_back", "rollback_failed"})
STEP_TONES: Final = {"done": "good", "rolled_back": "warn", "rolling_back": "warn", "held": "warn", "paused": "warn"}


@dataclass(frozen=True, slots=True)
class Dimension:
    """One budget. ``current_ppm`` is the share of good ones in the window; None while nothing was scored."""

    name: str
    zone: Zone
    target_ppm: int
    current_ppm: int | None
    remaining_ppm: int | None
    granted: str
    burned: str
    burn_rate: float | None
    exhausted_at: datetime | None
    zone_since: datetime | None
    weight: float
    formula: str


@dataclass(frozen=True, slots=True)
class Level:
    """One class of action at its newest epoch."""

    action_class: str
    level: int
    release: str
    since: datetime | None
    reason: str
    held: Sequence[str]


@dataclass(frozen=True, slots=True)
class Rollout:
    rollout_id: str
    candidate: str
    baseline: str
    step: str
    tone: str
    share: str
    reason: str
    changed_at: datetime | None


@dataclass(frozen=True, slots=True)
class Incident:
    incident_id: str
    title: str
    severity: int
    state: str
    detected_at: datetime | None
    acknowledged_by: str | None


def dimension(explained: Mapping[str, Any], pace: Mapping[str, Any]) -> Dimension:
    """From budget-ledger's explanation of one budget."""
    said, whole = explained["statement"], explained["burn_rate"]
    zone, name = zone_of(said["zone"]), explained["dimension"]
    bad = None if whole is None else whole * (1 - said["target_ppm"] / PPM)
    return Dimension(
        name=name,
        zone=zone,
        target_ppm=said["target_ppm"],
        current_ppm=None if bad is None else round((1 - bad) * PPM),
        remaining_ppm=None if zone.tone == "none" else said["remaining_ppm"],
        granted=amount(said["granted"], name),
        burned=amount(said["burned"], name),
        burn_rate=pace.get("burn_rate"),
        exhausted_at=moment_of(pace.get("exhausted_at")),
        zone_since=moment_of(said["zone_since"]),
        weight=said["weight_milli"] / 1_000,
        formula=explained["formula"],
    )


def amount(points: int, name: str) -> str:
    """Points as events or, for a budget of time, as minutes."""
    whole = points / PPM
    return f"{whole / 60:,.1f} min" if name in TIME_BUDGETS else f"{whole:,.1f} events"


def worst_of(dimensions: Sequence[Dimension]) -> Dimension | None:
    """The one to look at first."""
    known = [each for each in dimensions if each.remaining_ppm is not None]
    return min(known or list(dimensions), key=lambda d: (d.zone.rank, d.remaining_ppm or 0), default=None)


def levels(items: Items) -> Sequence[Level]:
    return [_level(item) for item in sorted(items, key=lambda item: str(item["action_class"]))]


def _level(item: Mapping[str, Any]) -> Level:
    newest: Mapping[str, Any] = item["levels"][0] if item["levels"] else {}
    held = [
        *(["stopped by a person"] if item["killed"] else []),
        *(["latched at L0 until two people release it"] if item["latched"] else []),
        *([f"no higher than L{item['level_max']}"] if item["level_max"] < 4 else []),  # noqa: PLR2004
        *item["anomalies"],
    ]
    return Level(
        action_class=item["action_class"],
        level=newest.get("level", item["starting_level"]),
        release=newest.get("release", "any"),
        since=moment_of(newest.get("since")),
        reason=newest.get("reason", item["reason"]),
        held=held,
    )


def rollouts(items: Items) -> Sequence[Rollout]:
    """Newest first."""
    return [
        Rollout(
            rollout_id=item["rollout_id"],
            candidate=item["candidate"],
            baseline=item["baseline"],
            step=words(item["step"]),
            tone="bad" if item["step"] == "rollback_failed" else STEP_TONES.get(item["step"], "none"),
            share=f"{item['share_basis_points'] / 100:g} %",
            reason=item["reason"],
            changed_at=moment_of(item["changed_at"]),
        )
        for item in items
    ]


def incidents(items: Items, system: str) -> Sequence[Incident]:
    """Those that touch the system, the most severe first."""
    found = [
        Incident(
            incident_id=item["id"],
            title=item["title"],
            severity=severity_of(item),
            state=words(item["state"]),
            detected_at=moment_of(item["detected_at"]),
            acknowledged_by=item["acknowledged_by"],
        )
        for item in items
        if system in item["systems"]
    ]
    return sorted(found, key=lambda incident: incident.severity)


def markers(changes: Items, shown: Dimension | None) -> Sequence[Marker]:
    """What the chart marks: releases that moved, and since when the zone is what it is."""
    found = [
        Marker(at, f"{change['candidate']} {words(change['step'])}")
        for change in changes
        if change["step"] in SHOWN_STEPS and (at := moment_of(change["changed_at"]))
    ]
    if shown and shown.zone_since and shown.zone.tone != "none":
        found.append(Marker(shown.zone_since, shown.zone.word))
    return found


def pace_of(item: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found: Mapping[str, Any] = item.get("pace", {}).get(name, {})
    return found


__all__ = ["Spent", "dimension", "incidents", "levels", "markers", "pace_of", "rollouts", "worst_of"]
