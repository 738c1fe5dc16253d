"""How levels change. Down by themselves and at once; up only by people, and never here."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Protocol

from autonomy_controller.domain.state import ClassState
from flyball.schemas.autonomy import ANOMALIES_MAX, EPOCHS_MAX, EpochLevel, LevelSet
from flyball.schemas.guardrails import ActionClassSpec
from flyball.schemas.permission import inherited_level

RELEASES_NEEDED = 2
REASON_CHARACTERS_MAX = 256


def undeclared(tenant: str, system: str, action_class: str, now: datetime) -> ClassState:
    """A class that no spec names: every action needs a person."""
    control = LevelSet(
        kind="level",
        tenant=tenant,
        system=system,
        action_class=action_class,
        policy_version=0,
        reason="not declared by the system's spec",
        changed_at=now,
    )
    return ClassState(control=control)


class Declaration(Protocol):
    """What a version of the spec says of one class."""

    @property
    def version(self) -> int: ...
    @property
    def declared(self) -> ActionClassSpec | None: ...
    @property
    def owners(self) -> tuple[str, ...]: ...


def registered(state: ClassState, given: Declaration, now: datetime, *, is_new: bool) -> ClassState:
    """The class under a newer spec. A lower level takes effect at once, a higher one only before the first action."""
    wanted = given.declared or ActionClassSpec()
    untouched = is_new or (not state.control.levels and state.control.starting_level == state.spec.level)
    start = wanted.level if untouched else min(state.control.starting_level, wanted.level)
    lowered = not is_new and wanted.level < state.spec.level
    changes = {
        "policy_version": given.version,
        "operations": wanted.operations,
        "deny_rules": wanted.deny,
        "cost_micro_usd_max": wanted.cost_micro_usd_max,
        "high_risk_operations": wanted.high_risk_operations,
        "starting_level": start,
        "levels": _capped(state.control.levels, wanted.level, now) if lowered else state.control.levels,
        "reason": f"{'declared' if given.declared else 'not declared'} by spec version {given.version}",
        "changed_at": now,
    }
    control = state.control.model_copy(update=changes)
    return state.model_copy(update={"control": control, "spec": wanted, "owners": given.owners})


def with_epoch(state: ClassState, evidence_epoch: str, release: str, now: datetime) -> ClassState:
    """The class with an evidence epoch among those it knows."""
    control = state.control
    if any(known.evidence_epoch == evidence_epoch for known in control.levels):
        return state
    level = inherited_level(control, release)
    reason = f"first action of release {release}"
    first = EpochLevel(evidence_epoch=evidence_epoch, release=release, level=level, since=now, reason=reason)
    return _changed(state, now, reason, levels=(first, *control.levels)[:EPOCHS_MAX])


def demoted(state: ClassState, levels_down: int, reason: str, now: datetime) -> ClassState:
    """Every epoch, and the one that is still to come, so many levels lower; L0 is the end."""
    return _lowered(state, lambda level: max(level - levels_down, 0), reason, now)


def lowered_to(state: ClassState, level_max: int, reason: str, now: datetime) -> ClassState:
    """Every epoch, and the one that is still to come, at this level or below."""
    return _lowered(state, lambda level: min(level, level_max), reason, now)


def killed(state: ClassState, reason: str, now: datetime) -> ClassState:
    """Nothing runs any more, and afterwards every action needs a person until people promote it again."""
    at_zero = demoted(state, 4, reason, now)
    fresh = at_zero.model_copy(update={"released_by": ()})
    return _changed(fresh, now, reason, killed=True, latched=True)


def released(state: ClassState, person: str, now: datetime) -> ClassState:
    """One more person agrees to end the kill; the second one ends it. The level stays at L0."""
    agreed = (*state.released_by, person)
    if len(agreed) < RELEASES_NEEDED:
        waiting = state.model_copy(update={"released_by": agreed})
        return _changed(waiting, now, f"{person} agrees to release it, one more person must")
    reason = f"released by {' and '.join(agreed)}"
    return _changed(state.model_copy(update={"released_by": ()}), now, reason, killed=False, latched=False)


def has_released(state: ClassState, person: str) -> bool:
    return person in state.released_by


def with_drift(state: ClassState, episodes: Mapping[str, str], now: datetime) -> ClassState:
    """Open episodes (name -> severity) are anomalies. A high one caps at L1 for as long as it is open."""
    anomalies = tuple(f"drift {name}"[:REASON_CHARACTERS_MAX] for name in sorted(episodes))[:ANOMALIES_MAX]
    level_max = 1 if {"high", "critical"} & set(episodes.values()) else 4
    doubled = "medium" in episodes.values()
    if (anomalies, level_max) == (state.control.anomalies, state.control.level_max) and doubled == state.audits_doubled:
        return state
    state = state.model_copy(update={"audits_doubled": doubled})
    return _changed(state, now, f"{len(episodes)} open drift episodes", anomalies=anomalies, level_max=level_max)


def promoted(state: ClassState, evidence_epoch: str, level: int, reason: str, now: datetime) -> ClassState:
    """One epoch one level up, signed by people after every gate held."""
    levels = tuple(
        _at(known, level, reason, now) if known.evidence_epoch == evidence_epoch else known
        for known in state.control.levels
    )
    return _changed(state, now, reason, levels=levels)


def _lowered(state: ClassState, lower: Callable[[int], int], reason: str, now: datetime) -> ClassState:
    control = state.control
    levels = tuple(
        known if lower(known.level) == known.level else _at(known, lower(known.level), reason, now)
        for known in control.levels
    )
    start = lower(control.starting_level)
    if levels == control.levels and start == control.starting_level:
        return state
    return _changed(state, now, reason, levels=levels, starting_level=start)


def _capped(levels: tuple[EpochLevel, ...], level_max: int, now: datetime) -> tuple[EpochLevel, ...]:
    reason = f"the spec allows L{level_max} at most"
    return tuple(_at(known, level_max, reason, now) if known.level > level_max else known for known in levels)


def _at(known: EpochLevel, level: int, reason: str, now: datetime) -> EpochLevel:
    changes = {"level": level, "reason": reason[:REASON_CHARACTERS_MAX], "since": now}
    return known.model_copy(update=changes)


def _changed(state: ClassState, now: datetime, reason: str, **changes: object) -> ClassState:
    told = {"reason": reason[:REASON_CHARACTERS_MAX], "changed_at": now}
    return state.model_copy(update={"control": state.control.model_copy(update={**changes, **told})})
