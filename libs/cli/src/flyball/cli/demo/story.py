"""The cast, pure and seeded: what each of three systems does in half a second, whichever release serves it."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random
from typing import Any, Literal

TICK = timedelta(seconds=0.5)
GOOD, BAD = "2.0.3", "2.1.0"
BILLING, SUPPORT, FRAUD = "billing-agent", "support-agent", "fraud-model"
WRONG_SHARE = {GOOD: 0.005, BAD: 0.2}
"""Of answers that are judged as made up."""
FRAUD_SHARE = 0.03
DUPLICATE_SHARE = 0.04
BROKEN_SHARE = 0.01
USERS = 400
DRIFTED_AMOUNT = 1.6
"""Factor on the amounts that the fraud model sees after its data changed."""
Dialect = Literal["structured", "binary", "http"]
Route = Callable[[str], str]
"""The release that serves a user."""


@dataclass(frozen=True, slots=True)
class Agent:
    """A system's habits. ``dialect``: how it tells what it does."""

    system: str
    model: str
    interactions: int
    predictions: int
    latency_ms_median: float
    dialect: Dialect


AGENTS = (
    Agent(BILLING, "gpt-4o", 50, 0, 900, "structured"),
    Agent(SUPPORT, "gpt-4o-mini", 10, 0, 600, "http"),
    Agent(FRAUD, "gradient-boosting", 5, 30, 40, "binary"),
)


@dataclass(frozen=True, slots=True)
class Sent:
    """One event as it is sent, and what must become of it."""

    system: str
    dialect: Dialect
    headers: tuple[tuple[str, bytes], ...]
    body: bytes
    verdict: str
    """``counted``, ``duplicate`` or ``rejected``"""


@dataclass(slots=True)
class Story:
    """The same seed draws the same events; only their times are those of the day."""

    seed: int
    random: Random = field(init=False)
    ticks: int = 0

    def __post_init__(self) -> None:
        self.random = Random(self.seed)

    def tick(self, now: datetime, route: Route, *, drifted: bool) -> list[Sent]:
        """What happened in the half second before ``now``."""
        self.ticks += 1
        sent = [one for agent in AGENTS for one in self._of(agent, now, route, drifted)]
        self.random.shuffle(sent)
        return self._with_noise(sent)

    def _of(self, agent: Agent, now: datetime, route: Route, drifted: bool) -> Iterator[Sent]:
        for number in range(agent.interactions):
            name = f"{self.ticks}-{number}"
            at = now - self.random.random() * TICK
            user = f"user-{self.random.randrange(USERS)}"
            release = route(user) if agent.system == BILLING else GOOD
            yield _sent(agent, f"i-{name}", "interaction.completed", at, self._interaction(agent, name, release, user))
            is_wrong = self.random.random() < WRONG_SHARE[release]
            yield _sent(agent, f"e-{name}", "evaluation.recorded", at, _evaluation(name, release, is_wrong))
        for number in range(agent.predictions):
            at = now - self.random.random() * TICK
            yield _sent(agent, f"p-{self.ticks}-{number}", "prediction.made", at, self._prediction(drifted))

    def _interaction(self, agent: Agent, name: str, release: str, user: str) -> dict[str, Any]:
        tokens = self.random.randint(200, 3_000)
        return {
            "interaction_id": f"i-{name}",
            "release": release,
            "session_id": user,
            "outcome": "ok",
            "latency_ms": round(agent.latency_ms_median * self.random.lognormvariate(0, 0.4), 1),
            "model": agent.model,
            "input_tokens": tokens,
            "output_tokens": tokens // 4,
            "cost_micro_usd": tokens * 3,
        }

    def _prediction(self, drifted: bool) -> dict[str, Any]:
        return {
            "prediction_id": f"p-{self.random.getrandbits(64):016x}",
            "release": GOOD,
            "predicted_class": "fraud" if self.random.random() < FRAUD_SHARE else "fine",
            "score": round(self.random.betavariate(1, 12), 4),
            "features": _payment(self.random, DRIFTED_AMOUNT if drifted else 1),
        }

    def _with_noise(self, sent: list[Sent]) -> list[Sent]:
        """Retries that arrive twice, and records that a careless client cut short."""
        result: list[Sent] = []
        for one in sent:
            result.append(one)
            chance = self.random.random()
            if chance < DUPLICATE_SHARE:
                result.append(_as(one, one.body, "duplicate"))
            elif chance < DUPLICATE_SHARE + BROKEN_SHARE and one.dialect == "structured":
                result.append(_as(one, one.body[: len(one.body) // 2], "rejected"))
        return result


def training_rows(seed: int, rows: int) -> Iterator[dict[str, Any]]:
    """What the fraud model was trained on."""
    random = Random(f"training {seed}")
    return (_payment(random, 1) for _ in range(rows))


def _payment(random: Random, factor: float) -> dict[str, Any]:
    return {
        "amount": round(random.lognormvariate(3, 0.8) * factor, 2),
        "hour": random.randrange(24),
        "country": random.choices(("de", "fr", "nl"), (6, 3, 1))[0],
    }


def _as(one: Sent, body: bytes, verdict: str) -> Sent:
    return Sent(one.system, one.dialect, one.headers, body, verdict)


def _evaluation(name: str, release: str, is_wrong: bool) -> dict[str, Any]:
    return {
        "interaction_id": f"i-{name}",
        "release": release,
        "metric": "factuality",
        "evaluator": "judge",
        "evaluator_version": "3",
        "passed": not is_wrong,
    }


def _sent(agent: Agent, identity: str, kind: str, at: datetime, data: dict[str, Any]) -> Sent:
    """A CloudEvent: as one JSON document, or with its attributes in the record's headers."""
    attributes = {
        "specversion": "1.0",
        "id": identity,
        "source": f"/agents/{agent.system}",
        "type": kind,
        "subject": agent.system,
        "time": at.isoformat(),
    }
    if agent.dialect == "binary":
        headers = [(f"ce_{name}", value.encode()) for name, value in attributes.items()]
        told = (*headers, ("content-type", b"application/json"))
        return Sent(agent.system, agent.dialect, told, json.dumps(data).encode(), "counted")
    return Sent(agent.system, agent.dialect, (), json.dumps({**attributes, "data": data}).encode(), "counted")
