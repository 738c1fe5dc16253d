"""Native events of about 400 bytes, as agents send them."""

import json
import random
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from uuid import UUID

from confluent_kafka import Producer

from flyball.schemas.topics import AGENT_EVENTS

SYSTEMS, FEATURES = 20, 5
SPAN = timedelta(seconds=60)
"""The time over which the events of a run happened, in their order."""
QUEUE_MESSAGES_MAX = 50_000
SECONDS_MAX = 300


def prediction(generator: random.Random, system: str, at: datetime, features: int = FEATURES) -> bytes:
    """With five features unless told otherwise, as the speed goals of the specification have it."""
    known: dict[str, float | str] = {
        "amount": round(generator.lognormvariate(6, 1), 2),
        "age_days": generator.randrange(4_000),
        "prior_claims": generator.randrange(5),
        "country": generator.choice(("de", "fr", "it")),
        "channel": generator.choice(("web", "phone")),
    }
    more = {f"feature_{number:02}": round(generator.random(), 3) for number in range(FEATURES, features)}
    data = {
        "prediction_id": f"prd-{generator.getrandbits(48):012x}",
        "release": generator.choice(("2026.11.1", "2026.11.2")),
        "predicted_class": generator.choice(("approve", "deny", "refer")),
        "score": round(generator.random(), 4),
        "features": dict(list((known | more).items())[:features]),
    }
    return _event(generator, system, at, "prediction.made", data)


def interaction(generator: random.Random, system: str, at: datetime, features: int = 0) -> bytes:
    """With tokens, cost and confidence: the event with the most statistics."""
    del features
    data = {
        "interaction_id": f"int-{generator.getrandbits(48):012x}",
        "release": generator.choice(("2026.11.1", "2026.11.2")),
        "outcome": "ok" if generator.random() < 0.99 else "timeout",
        "latency_ms": round(generator.lognormvariate(7, 0.6), 3),
        "input_tokens": generator.randrange(200, 4_000),
        "output_tokens": generator.randrange(20, 800),
        "provider": "anthropic",
        "model": "claude-sonnet-4-5",
        "cost_micro_usd": generator.randrange(500, 20_000),
        "confidence": round(generator.random(), 3),
        "autonomous": True,
    }
    return _event(generator, system, at, "interaction.completed", data)


KINDS = {"prediction.made": prediction, "interaction.completed": interaction}


def _event(generator: random.Random, system: str, at: datetime, kind: str, data: dict[str, object]) -> bytes:
    event = {
        "specversion": "1.0",
        "id": str(UUID(int=generator.getrandbits(128), version=4)),
        "source": f"agents/{system}",
        "type": kind,
        "subject": system,
        "time": at.isoformat(),
        "data": data,
    }
    return json.dumps(event, separators=(",", ":")).encode()


def bodies(
    kind: str, count: int, seed: int = 1, *, systems: int = SYSTEMS, features: int = FEATURES
) -> Iterator[tuple[bytes, bytes]]:
    """Key and body of each event, in the order of their times, the last one now."""
    generator = random.Random(seed)
    make, start = KINDS[kind], datetime.now(UTC) - SPAN
    for number in range(count):
        system = f"claims-agent-{generator.randrange(systems):02}"
        yield system.encode(), make(generator, system, start + SPAN * number / count, features)


def preload(bootstrap: str, kind: str, count: int, seed: int = 1, *, systems: int = SYSTEMS) -> float:
    """Publish ``count`` events and return their mean size in bytes."""
    return publish(bootstrap, AGENT_EVENTS.name, bodies(kind, count, seed, systems=systems)) / count


def publish(bootstrap: str, topic: str, pairs: Iterable[tuple[bytes, bytes]]) -> int:
    """Publish bodies by their keys; how many bytes these are. TimeoutError where the broker does not take all."""
    producer = Producer(
        {"bootstrap.servers": bootstrap, "linger.ms": 50, "queue.buffering.max.messages": 2 * QUEUE_MESSAGES_MAX}
    )
    total = 0
    for key, body in pairs:
        producer.produce(topic, body, key)
        total += len(body)
        producer.poll(0 if len(producer) < QUEUE_MESSAGES_MAX else 1)
    if producer.flush(SECONDS_MAX):
        raise TimeoutError(f"the broker did not take everything within {SECONDS_MAX} s")
    return total
