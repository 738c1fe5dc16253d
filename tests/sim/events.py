"""A seeded load of raw events, each with what must become of it."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random
from typing import Any

from flyball.schemas.registry import (
    AvailabilityTarget,
    PerformanceTarget,
    SystemRegistered,
    SystemRevision,
    SystemSpec,
    Targets,
)
from flyball.schemas.topics import AGENT_EVENTS
from flyball.sim.world import EPOCH
from flyball.store.ports import Outgoing

SERIAL = "x-serial"
DUPLICATES, INVALIDS, UNKEYED, OLD = 0.08, 0.04, 0.05, 0.05
TRUTHS = (0, 1, 1, 1, 2)
"""How many outcomes a prediction has; the second one says the same, for either may be the first to be read."""
OWED = 0.6
"""Chance that what is still to come of a prediction comes next."""
SPECS = (
    SystemSpec(system="support"),
    # A window so short that late events find their hour gone; and minutes that one good event can save.
    SystemSpec(
        system="pricing",
        window_days=1,
        targets=Targets(availability=AvailabilityTarget(minute_target_ppm=500_000)),
    ),
)
MOVING = SystemSpec(system="moving")
MOVED = SystemSpec(
    system="moving",
    targets=Targets(
        performance=PerformanceTarget(latency_max_ms=1_000), availability=AvailabilityTarget(target_ppm=990_000)
    ),
)
LONG_AGO, CHANGE_AFTER = EPOCH - timedelta(days=30), timedelta(seconds=12)
SYSTEMS = (*(spec.system for spec in SPECS), MOVING.system, "undeclared")


@dataclass(frozen=True, slots=True)
class Event:
    """A valid event."""

    system: str
    id: str
    kind: str
    time: datetime
    data: dict[str, Any]


@dataclass(slots=True)
class Load:
    """Records to be published, and what was put into each by its serial number: an event, or the name of a system."""

    random: Random
    made: dict[bytes, Event | str] = field(default_factory=dict)
    _recent: list[Event] = field(default_factory=list)
    _owed: list[Event] = field(default_factory=list)

    def next(self) -> Outgoing:
        chance = self.random.random()
        if self._recent and chance < DUPLICATES:
            return self._record(self.random.choice(self._recent[-60:]))
        event = self._owed_event() or self._event(self.random.choice(SYSTEMS))
        if chance < DUPLICATES + INVALIDS:
            return self._invalid(event)
        self._recent.append(event)
        return self._record(event)

    def _event(self, system: str) -> Event:
        number = f"{system}-{len(self.made)}"
        kind, data = self.random.choices(KINDS, WEIGHTS)[0](self.random, number)
        old = self.random.random() < OLD
        # Few minutes and buckets, so that replicas and batches meet in each of them.
        back = timedelta(days=2 * old, minutes=self.random.randint(0, 2))
        time = EPOCH - back + timedelta(seconds=self.random.choice((3, 5, 48)))
        release = {"release": self.random.choice(("1.0.0", "1.0.0", "1.1.0"))}
        event = Event(system, number, kind, time, {**self._of_another(system, kind, data), **release})
        return self._with_truth(event) if kind == "prediction.made" else event

    def _of_another(self, system: str, kind: str, data: dict[str, Any]) -> dict[str, Any]:
        """An evaluation is of some interaction of its system, if it has one yet."""
        known = [each.id for each in self._recent if each.system == system and each.kind == "interaction.completed"]
        if kind != "evaluation.recorded" or not known:
            return data
        return data | {"interaction_id": self.random.choice(known)}

    def _with_truth(self, event: Event) -> Event:
        """One of a prediction and its outcomes; the others are owed, and may come in any order or never."""
        truth = {"prediction_id": event.data["prediction_id"], "true_class": self.random.choice(("yes", "no"))}
        count = self.random.choice(TRUTHS)
        outcomes = [Event(event.system, f"{event.id}-{n}", "outcome.observed", EPOCH, truth) for n in range(count)]
        self._owed += [event, *outcomes]
        return self._owed.pop(self.random.randint(-count - 1, -1))

    def _owed_event(self) -> Event | None:
        if not self._owed or self.random.random() >= OWED:
            return None
        return self._owed.pop(self.random.randrange(len(self._owed)))

    def _record(self, event: Event) -> Outgoing:
        body = json.dumps(attributes(event) | {"data": event.data}).encode()
        headers: tuple[tuple[str, bytes], ...] = (("content-type", b"application/cloudevents+json"),)
        if self.random.random() < 0.5:
            body = json.dumps(event.data).encode()
            headers = tuple((f"ce_{name}", value.encode()) for name, value in attributes(event).items())
        key = b"" if self.random.random() < UNKEYED else event.system.encode()
        return self._numbered(event, key, headers, body)

    def _invalid(self, event: Event) -> Outgoing:
        spoil = self.random.choice(SPOILS)
        return self._numbered(event.system, event.system.encode(), (), spoil(attributes(event) | {"data": event.data}))

    def _numbered(
        self, content: Event | str, key: bytes, headers: tuple[tuple[str, bytes], ...], body: bytes
    ) -> Outgoing:
        serial = str(len(self.made)).encode()
        self.made[serial] = content
        return Outgoing(AGENT_EVENTS.name, key, (*headers, (SERIAL, serial)), body)


def attributes(event: Event) -> dict[str, str]:
    return {
        "specversion": "1.0",
        "id": event.id,
        "source": f"/agents/{event.system}",
        "type": event.kind,
        "subject": event.system,
        "time": event.time.isoformat(),
    }


def _interaction(random: Random, number: str) -> tuple[str, dict[str, Any]]:
    data = {
        "interaction_id": number,
        "outcome": random.choice(("ok", "ok", "ok", "timeout")),
        "latency_ms": random.choice((120.5, 900, 4_999, 5_000, 9_000)),
        "confidence": random.choice((None, 0.5, 0.9)),
        "cost_micro_usd": random.randint(1, 90_000),
        "provider": "acme",
        "model": "small",
    }
    return "interaction.completed", data


def _evaluation(random: Random, number: str) -> tuple[str, dict[str, Any]]:
    data = {
        "interaction_id": number,
        "metric": random.choice(("factuality", "factuality", "relevance")),
        "evaluator": "judge",
        "evaluator_version": "2",
        "passed": random.random() < 0.8,
        "sampling_rate": random.choice((1.0, 0.1)),
    }
    return "evaluation.recorded", data


def _guardrail(random: Random, number: str) -> tuple[str, dict[str, Any]]:
    del number
    data = {
        "rule": "jailbreak",
        "kind": "jailbreak",
        "malicious": random.choice((True, True, False, None)),
        "blocked": random.random() < 0.9,
    }
    return "guardrail.checked", data


def _prediction(random: Random, number: str) -> tuple[str, dict[str, Any]]:
    market = {"segment": {"market": random.choice(("de", "fr"))}}
    predicted = {"prediction_id": number, "predicted_class": random.choice(("yes", "no")), "score": 0.5}
    return "prediction.made", predicted | market


def _release(random: Random, number: str) -> tuple[str, dict[str, Any]]:
    return "release.deployed", {"evidence_epoch": number, "traffic_share": random.choice((0.1, 1.0))}


KINDS = (_interaction, _evaluation, _guardrail, _prediction, _release)
WEIGHTS = (60, 18, 12, 8, 2)
SPOILS: tuple[Callable[[dict[str, Any]], bytes], ...] = (
    lambda _: b"{not JSON",
    lambda document: json.dumps(document | {"type": "no.such.type"}).encode(),
    lambda document: json.dumps(document | {"time": (EPOCH + timedelta(hours=3)).isoformat()}).encode(),
    lambda document: json.dumps(document | {"time": (EPOCH - timedelta(days=9)).isoformat()}).encode(),
    lambda document: json.dumps(document | {"data": {"latency_ms": float("nan")}}).encode(),
)


def registrations() -> list[SystemRegistered]:
    """The declared systems, in force long before the first event; one of them changes while the load runs."""
    declared = [_registered(_revision(1, LONG_AGO, spec)) for spec in SPECS]
    return [*declared, _registered(_revision(1, LONG_AGO, MOVING), _revision(2, EPOCH + CHANGE_AFTER, MOVED))]


def _registered(*revisions: SystemRevision) -> SystemRegistered:
    spec = revisions[0].spec
    return SystemRegistered(tenant=spec.tenant, system=spec.system, revisions=revisions)


def _revision(version: int, effective_at: datetime, spec: SystemSpec) -> SystemRevision:
    return SystemRevision(version=version, effective_at=effective_at, author="ada", spec=spec)
