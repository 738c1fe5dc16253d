"""The story, pure and seeded: which events each agent publishes in each quarter of an hour of the day."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from typing import Any

QUARTER = timedelta(minutes=15)
QUARTERS_PER_DAY = 96
BAD_RELEASE_QUARTER = 14 * 4
BAD_RELEASE_FAILS = 0.16
DUPLICATE_SHARE = 0.04
BROKEN_SHARE = 0.01
ESCALATED_SHARE = 0.05


@dataclass(frozen=True, slots=True)
class Agent:
    """An agent's habits while its release is good."""

    system: str
    model: str
    interactions_per_quarter: int
    latency_ms_median: float
    wrong_share: float
    error_share: float


AGENTS = (
    Agent("billing-agent", "gpt-4o", 20, 900, 0.008, 0.0),
    Agent("research-agent", "claude-sonnet-4", 12, 1_900, 0.005, 0.0),
    Agent("support-agent", "gpt-4o-mini", 30, 600, 0.006, 0.0),
)
BAD_AGENT = AGENTS[0].system


@dataclass(frozen=True, slots=True)
class Sent:
    """One record as it goes to Kafka, and what must become of it."""

    system: str
    body: bytes
    verdict: str
    """``counted``, ``duplicate`` or ``rejected``"""


@dataclass(frozen=True, slots=True)
class Quarter:
    """Fifteen minutes of the day."""

    starts_at: datetime
    sent: list[Sent]


def day(ends_at: datetime, seed: int) -> Iterator[Quarter]:
    """The quarters of the day that ends at ``ends_at``, in order. The same seed tells the same story."""
    random = Random(seed)
    for number in range(QUARTERS_PER_DAY):
        starts_at = ends_at - QUARTER * (QUARTERS_PER_DAY - number)
        sent = [record for agent in AGENTS for record in _quarter_of(agent, number, starts_at, random)]
        random.shuffle(sent)
        yield Quarter(starts_at, _with_noise(sent, random))


def _quarter_of(agent: Agent, number: int, starts_at: datetime, random: Random) -> Iterator[Sent]:
    bad = agent.system == BAD_AGENT and number >= BAD_RELEASE_QUARTER
    release = "2.1.0" if bad else "2.0.3"
    if agent.system == BAD_AGENT and number == BAD_RELEASE_QUARTER:
        data = {"release": release, "evidence_epoch": "3f9c2a", "traffic_share": 1.0}
        yield _record(agent, f"release-{release}", "release.deployed", starts_at, data)
    for index in range(agent.interactions_per_quarter):
        name = f"{number}-{index}"
        at = starts_at + random.random() * QUARTER
        yield _record(agent, f"i-{name}", "interaction.completed", at, _interaction(agent, name, release, random))
        wrong = random.random() < (BAD_RELEASE_FAILS if bad else agent.wrong_share)
        yield _record(agent, f"e-{name}", "evaluation.recorded", at, _evaluation(name, release, passed=not wrong))
        if index == 0:
            yield _record(agent, f"g-{name}", "guardrail.checked", at, _guardrail(release))


def _interaction(agent: Agent, name: str, release: str, random: Random) -> dict[str, Any]:
    tokens = random.randint(200, 3_000)
    return {
        "interaction_id": f"i-{name}",
        "release": release,
        "outcome": "ok" if random.random() >= agent.error_share else "timeout",
        "latency_ms": round(agent.latency_ms_median * random.lognormvariate(0, 0.5), 1),
        "provider": "openai" if agent.model.startswith("gpt") else "anthropic",
        "model": agent.model,
        "input_tokens": tokens,
        "output_tokens": tokens // 4,
        "cost_micro_usd": tokens * 3,
        "escalated": random.random() < ESCALATED_SHARE,
    }


def _evaluation(name: str, release: str, *, passed: bool) -> dict[str, Any]:
    return {
        "interaction_id": f"i-{name}",
        "release": release,
        "metric": "factuality",
        "evaluator": "judge",
        "evaluator_version": "3",
        "passed": passed,
    }


def _guardrail(release: str) -> dict[str, Any]:
    return {"release": release, "rule": "prompt-injection", "kind": "jailbreak", "malicious": True, "blocked": True}


def _record(agent: Agent, identity: str, kind: str, at: datetime, data: dict[str, Any]) -> Sent:
    event = {
        "specversion": "1.0",
        "id": identity,
        "source": f"/agents/{agent.system}",
        "type": kind,
        "subject": agent.system,
        "time": at.isoformat(),
        "data": data,
    }
    return Sent(agent.system, json.dumps(event).encode(), "counted")


def _with_noise(sent: list[Sent], random: Random) -> list[Sent]:
    """Retries that arrive twice, and records that a careless client cut short."""
    result: list[Sent] = []
    for record in sent:
        result.append(record)
        chance = random.random()
        if chance < DUPLICATE_SHARE:
            result.append(Sent(record.system, record.body, "duplicate"))
        elif chance < DUPLICATE_SHARE + BROKEN_SHARE:
            result.append(Sent(record.system, record.body[: len(record.body) // 2], "rejected"))
    return result
