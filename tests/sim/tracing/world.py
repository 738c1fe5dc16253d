"""Collectors -> telemetry-ingest: spans and evaluations of random traces, out of order, twice, late; two replicas."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from random import Random
from typing import Any

from flyball.bus.processor import Processor, one_by_one
from flyball.bus.subscription import Subscription, Wiring
from flyball.observe.metrics import Metrics
from flyball.schemas.topics import AGENT_EVENTS, OTLP_LOGS, OTLP_SPANS, TELEMETRY_EXCEPTIONS, TELEMETRY_REJECTED
from flyball.schemas.unreadable import Unreadable
from flyball.sim.broker import Broker
from flyball.sim.database import MemoryDatabase
from flyball.sim.runner import Service, behind
from flyball.sim.world import World
from flyball.store.ports import Outgoing
from telemetry_ingest.domain.otlp.facts import EvaluationFacts, OtlpRead, SpanFacts
from telemetry_ingest.domain.otlp.traces import TraceLimits
from telemetry_ingest.otlp import NAME, TICK, OtlpIngest
from tests.sim.counting import Agent
from tests.sim.memory_ingest import MemoryFeeds
from tests.sim.tracing import verdict
from tests.sim.tracing.memory import MemoryTraces

LIMITS = TraceLimits(settle_ms=2_000, bind_ms=5_000, horizon_ms=15_000, remember_ms=60_000)
"""Short, so that some traces are told while others of their spans are still on their way."""
PARTITIONS = 2
REST_SECONDS_MAX = 300
LATE_SECONDS, LATE_SHARE = 6, 0.25
TRACES = 12
SECOND = 1_000_000_000


@dataclass(slots=True)
class Messages:
    """What stands on the topics, by the bytes that stand there."""

    known: dict[bytes, OtlpRead] = field(default_factory=dict)

    def write(self, read: OtlpRead) -> bytes:
        body = f"message {len(self.known)}".encode()
        self.known[body] = read
        return body

    def traces(self, body: bytes | None, encoding: str, recorded_ns: int) -> OtlpRead:
        del encoding, recorded_ns
        if body not in self.known:
            raise Unreadable("not_json", None, "garbage")
        return self.known[body]

    logs = traces


@dataclass(frozen=True, slots=True)
class Tracing:
    """The scenario. ``processor_type`` and ``traces`` are what planted bugs exchange."""

    processor_type: type[Processor[Any]] = Processor
    traces: Callable[[Any], Any] = MemoryTraces
    replicas: int = 2

    async def __call__(self, world: World) -> None:
        broker, database, messages = Broker(world), MemoryDatabase(world, "ingest-db"), Messages()
        for topic in (OTLP_SPANS, OTLP_LOGS, *SAID):
            broker.create(topic.name, PARTITIONS)
        service = Service(database, partial(self._wiring, messages), self.processor_type)
        for replica in range(self.replicas):
            world.process(f"ingest-{replica + 1}", partial(service.run, broker))
        load = letters(world.stream("load"), messages)
        early, late = _dealt(world.stream("late"), load)
        await _published(world, broker, [early[::2], early[1::2]])
        # Much of the rest comes when its trace was told.
        await world.until(partial(_passed, world, world.loop.time() + LATE_SECONDS), REST_SECONDS_MAX, "time")
        await _published(world, broker, [late])
        world.calm_down()
        await _at_rest(world, broker, database, self._wiring(messages))
        for _ in range(2):
            # Two at least: what another partition's batch holds is told by the next one.
            await world.until(partial(_passed, world, world.loop.time() + 20), REST_SECONDS_MAX, "time")
            await _published(world, broker, [[_tick(broker, *place) for place in broker.logs if place[0] in SIGNALS]])
            await _at_rest(world, broker, database, self._wiring(messages))
        verdict.conserved(broker, database, messages.known)
        verdict.told_once(broker, messages.known, LIMITS)
        verdict.judged_once(broker, messages.known)
        verdict.personal_data_told(broker, messages.known, LIMITS)

    def _wiring(self, messages: Messages) -> Wiring[Any]:
        otlp = OtlpIngest(messages, "auto", self.traces, MemoryFeeds, LIMITS, 100, Metrics("telemetry-ingest"))
        return Wiring(
            NAME,
            [
                Subscription(OTLP_SPANS, one_by_one(otlp.on_spans), hot=True, records_max=20),
                Subscription(OTLP_LOGS, one_by_one(otlp.on_logs), hot=True, records_max=20),
            ],
            SAID,
        )


SIGNALS = (OTLP_SPANS.name, OTLP_LOGS.name)
SAID = (AGENT_EVENTS, TELEMETRY_REJECTED, TELEMETRY_EXCEPTIONS)


def _dealt(random: Random, load: Sequence[Outgoing]) -> tuple[list[Outgoing], list[Outgoing]]:
    dealt: tuple[list[Outgoing], list[Outgoing]] = [], []
    for letter in load:
        dealt[random.random() < LATE_SHARE].append(letter)
    return dealt


def _passed(world: World, seconds: float) -> bool:
    return world.loop.time() >= seconds


async def _published(world: World, broker: Broker, shares: Sequence[Sequence[Outgoing]]) -> None:
    senders = [world.process(f"collector-{number}", Agent(broker, share).run) for number, share in enumerate(shares)]
    await world.until(lambda: all(sender.ended for sender in senders), REST_SECONDS_MAX, "everything published")


async def _at_rest(world: World, broker: Broker, database: MemoryDatabase, wiring: Wiring[Any]) -> None:
    await world.until(lambda: not behind(broker, database, wiring), REST_SECONDS_MAX, "at rest")


def _tick(broker: Broker, topic: str, partition: int) -> Outgoing:
    keys = (f"tick.{number}".encode() for number in range(1_000))
    made = (Outgoing(topic, key, (), TICK) for key in keys)
    return next(message for message in made if broker.place_of(message) == (topic, partition))


def letters(random: Random, messages: Messages) -> list[Outgoing]:
    """Messages of all traces, shuffled within a window, some of them twice, some of them garbage."""
    out: list[tuple[float, Outgoing]] = []
    for number in range(TRACES):
        begins = random.uniform(0, TRACES)
        # A Collector that partitions by trace puts all of one onto one partition; one that does not, anywhere.
        by_trace = random.random() < 0.75
        for span in spans_of(number, random):
            key = span.trace_id if by_trace else span.span_id
            letter = Outgoing(OTLP_SPANS.name, key.encode(), (), messages.write(OtlpRead((span,))))
            out += [(begins + random.uniform(0, 3), letter)] * random.choice((1, 1, 1, 2))
        for judgement in evaluations_of(number, random):
            body = messages.write(OtlpRead(evaluations=(judgement,)))
            out.append((begins + random.uniform(0, 6), Outgoing(OTLP_LOGS.name, b"any", (), body)))
    out.append((0.0, Outgoing(OTLP_SPANS.name, b"x", (), b"garbage")))
    return [letter for _, letter in sorted(out, key=lambda each: each[0])]


def spans_of(number: int, random: Random) -> list[SpanFacts]:
    return [_span(number, index, random) for index in range(1, random.randint(2, 6))]


def _span(number: int, index: int, random: Random) -> SpanFacts:
    # Nobody ever sends span 0.
    parent = random.randint(0 if random.random() < 0.1 else 1, index - 1) if index > 1 else None
    return SpanFacts(
        f"{number + 1:032x}",
        f"{index:016x}",
        "",
        index * SECOND,
        (100 - index) * SECOND,
        None if parent is None else f"{parent:016x}",
        random.choice(("agent", "inference", "inference", "tool")),  # type: ignore[arg-type]
        service_name="service",
        agent=random.choice((None, "a", "b")),
        input_tokens=random.choice((None, 10)),
        parent_is_remote=random.choice((None, True, False)),
        masked=random.choice(((), (), (("error.type", "card"),))),
        response_id=f"answer {number + 1:032x} {index}",
    )


def evaluations_of(number: int, random: Random) -> list[EvaluationFacts]:
    found = []
    for index in range(random.choice((0, 0, 1, 2))):
        named = EvaluationFacts("relevance", "judge", "1", index, 0.5, service_name="service")
        by_trace = {"trace_id": f"{number + 1:032x}"}
        # Every trace has an answer 1; nobody has an answer 0.
        by_answer = {"response_id": f"answer {number + 1:032x} {random.choice((0, 1, 1, 1))}"}
        found.append(named._replace(**random.choice((by_trace, by_answer))))
    return found
