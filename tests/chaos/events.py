"""The load, event by event: seeded, and each record knows what must become of it."""

from collections import Counter, deque
from dataclasses import dataclass, field
from datetime import UTC, datetime
from random import Random
from typing import Any

from tests.chaos.invalid import INVALID, Flawed
from tests.chaos.records import PARTITIONS, Content, Headers, binary, partition_of, structured
from tests.chaos.systems import MILLION, SYSTEMS, System

DUPLICATES = 0.05
INVALIDS = 0.02
LATE = 0.03
KINDS = {"interaction": 56, "evaluation": 16, "guardrail": 10, "prediction": 16, "release": 2}
ON_TIME_SECONDS_MAX = 30
LATE_SECONDS_MIN, LATE_SECONDS_MAX = 3_600, 6 * 86_400
# A copy on another partition may be the one that counts. Both must fall on the same side of the five minutes that
# make an event late, or else nobody could say how many are late.
ELSEWHERE_SECONDS_MAX = 60
RECENT, REMEMBERED = 400, 20_000


@dataclass(frozen=True, slots=True)
class Record:
    """One record as it is published. ``content`` of a valid event, ``reason`` of an invalid one."""

    serial: int
    system: str
    partition: int
    key: bytes | None
    headers: Headers
    body: bytes
    content: Content | None
    reason: str = ""
    copy: str = ""
    """How a duplicate came about: soon, later or elsewhere."""


@dataclass(slots=True)
class Load:
    """Makes the records one after another. The same seed and times give the same records."""

    seed: int
    random: Random = field(init=False)
    made: list[Record] = field(default_factory=list)
    _originals: deque[tuple[Record, float]] = field(init=False)
    _ids: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self.random = Random(self.seed)
        self._originals = deque(maxlen=REMEMBERED)

    def next(self, now: float) -> Record:
        """The next record, to be published at once; ``now`` in seconds since 1970."""
        chance = self.random.random()
        if chance < DUPLICATES and self._originals:
            record = self._duplicate(now)
        elif chance < DUPLICATES + INVALIDS:
            record = self._invalid(now)
        else:
            record = self._original(now)
        self.made.append(record)
        return record

    def _original(self, now: float) -> Record:
        system = self.random.choice(SYSTEMS)
        content = self._content(system, now)
        record = self._encoded(content, partition_of(system.name))
        self._originals.append((record, now))
        return record

    def _duplicate(self, now: float) -> Record:
        way = self.random.choice(("soon", "later", "elsewhere"))
        if way == "later":
            original, _ = self.random.choice(self._originals)
        else:
            nearest = max(-len(self._originals), -RECENT)
            original, at = self._originals[self.random.randrange(nearest, 0)]
            if way == "elsewhere" and now - at > ELSEWHERE_SECONDS_MAX:
                way = "soon"
        assert original.content is not None
        shift = self.random.randrange(1, PARTITIONS) if way == "elsewhere" else 0
        return self._encoded(original.content, (original.partition + shift) % PARTITIONS, copy=way)

    def _encoded(self, content: Content, partition: int, copy: str = "") -> Record:
        headers, body = self.random.choice((structured, binary))(content)
        return self._record(content.system, partition, content.system.encode(), headers, body, content, copy=copy)

    def _invalid(self, now: float) -> Record:
        system = self.random.choice(SYSTEMS)
        content = self._interaction(system, now)
        flawed: Flawed = self.random.choice(INVALID)(content)
        partition = partition_of(flawed.system)
        return self._record(
            flawed.system, partition, flawed.key, flawed.headers, flawed.body, None, reason=flawed.reason
        )

    def _record(self, *fields: Any, reason: str = "", copy: str = "") -> Record:
        system, partition, key, headers, body, content = fields
        serial = len(self.made)
        numbered = [*headers, ("x-serial", str(serial).encode())]
        return Record(serial, system, partition, key, numbered, body, content, reason, copy)

    def _content(self, system: System, now: float) -> Content:
        kind = self.random.choices(list(KINDS), list(KINDS.values()))[0]
        content: Content = getattr(self, f"_{kind}")(system, now)
        return content

    def _interaction(self, system: System, now: float) -> Content:
        random, limit_us = self.random, system.asked.latency_max_ms * 1_000
        slow = random.random() < system.slow
        # At times exactly on the limit, which is not under it, and a microsecond below.
        latency_us = random.choice((limit_us, random.randrange(limit_us, 9 * limit_us))) if slow else 0
        fast = random.choice((limit_us - 1, *(random.randrange(20_000, limit_us) for _ in range(9))))
        data: dict[str, Any] = {
            "interaction_id": f"i-{random.getrandbits(64):016x}",
            "outcome": random.choice(("timeout", "tool_error")) if random.random() < system.failing else "ok",
            "latency_ms": (latency_us or fast) / 1_000,
            "escalated": random.random() < 0.08,
            "segment": random.choice(({}, {"market": "de"}, {"plan": "pro", "market": "fr"})),
        }
        if random.random() < 0.8:
            data |= {"input_tokens": random.randrange(20_000), "output_tokens": random.randrange(2_000)}
        if random.random() < 0.7:
            data |= {"cost_micro_usd": random.randrange(90_000), "provider": "acme", "model": "large-1"}
        if random.random() < 0.2:
            data |= {"sampling_rate": random.choice((1.0, 0.5, 0.07))}
        if random.random() < 0.5:
            data |= {"confidence": random.randrange(MILLION + 1) / MILLION, "autonomous": random.random() < 0.9}
        return self._made(system, "interaction.completed", data, now)

    def _evaluation(self, system: System, now: float) -> Content:
        random = self.random
        data: dict[str, Any] = {
            "interaction_id": f"i-{random.getrandbits(64):016x}",
            "metric": random.choice(("factuality", "groundedness")),
            "evaluator": random.choice(("judge", "human")),
            "evaluator_version": random.choice(("1", "2.1")),
            "sampling_rate": random.choice((1.0, 1.0, 0.5, 0.3, 0.07)),
        }
        if random.random() < 0.9:
            data["passed"] = random.random() >= system.wrong
        if "passed" not in data or random.random() < 0.3:
            data["score"] = random.randrange(MILLION + 1) / MILLION
        return self._made(system, "evaluation.recorded", data, now)

    def _guardrail(self, system: System, now: float) -> Content:
        malicious = self.random.choice((True, True, False, None))
        blocked = self.random.random() >= (system.breached if malicious else 0.97)
        data = {"rule": self.random.choice(("jailbreak.v3", "pii")), "kind": "policy", "blocked": blocked}
        return self._made(system, "guardrail.checked", data | {"malicious": malicious}, now)

    def _prediction(self, system: System, now: float) -> Content:
        data: dict[str, Any] = {
            "prediction_id": f"p-{self.random.getrandbits(64):016x}",
            "predicted_class": self.random.choice(("fraud", "fine", "unsure")),
            "features": {"amount": self.random.randrange(10_000) / 100, "country": "de", "age": None},
        }
        if self.random.random() < 0.6:
            data["score"] = self.random.randrange(MILLION + 1) / MILLION
        return self._made(system, "prediction.made", data, now)

    def _release(self, system: System, now: float) -> Content:
        return self._made(system, "release.deployed", {"evidence_epoch": "e1", "traffic_share": 0.25}, now)

    def _made(self, system: System, kind: str, data: dict[str, Any], now: float) -> Content:
        late = self.random.random() < LATE
        age = self.random.uniform(LATE_SECONDS_MIN, LATE_SECONDS_MAX) if late else 0
        moment = datetime.fromtimestamp(now - age - self.random.uniform(0, ON_TIME_SECONDS_MAX), UTC)
        source = f"/agents/{system.name}/{self.random.randrange(3)}"
        # Ids are unique within their source alone: every source uses the same ones.
        self._ids[source] += 1
        release = self.random.choice(("1.4.0", "1.5.0-rc.1"))
        return Content(system.name, kind, str(self._ids[source]), source, moment, {"release": release, **data})
