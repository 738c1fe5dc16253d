"""200 recorded agent trajectories through Kafka, ingest and ledger: every total and every budget is a known answer."""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from flyball.bus.hot import group_of
from flyball.bus.messages import fact
from flyball.bus.producer import open_publisher
from flyball.bus.settings import KafkaSettings
from flyball.schemas.budgets import BudgetStates
from flyball.schemas.registry import (
    AccuracyTarget,
    PerformanceTarget,
    SystemRegistered,
    SystemRevision,
    SystemSpec,
    Targets,
)
from flyball.schemas.summaries import TelemetrySummary
from flyball.schemas.topics import AGENT_EVENTS, BUDGET_STATES, REGISTRY_SYSTEMS, TELEMETRY_SUMMARIES
from flyball.stack import ServiceProcess
from tests.e2e.recorded import Trajectory, absent, trajectories
from tests.wire.outside import Answers, Broker, Letter, until

pytestmark = pytest.mark.stack
RELEASE = "gpt-4o-airline"
LATENCY_MS_MAX = 30_000
MILLION = 1_000_000
GRANTED = 50_000
"""Points of one scored event at the default target of 95 %."""


@pytest.fixture
def recorded() -> list[Trajectory]:
    if missing := absent():
        pytest.skip(f"no recorded trajectories at {missing[0]}: name their folder in FLYBALL_DATA")
    return trajectories()


async def declare(environment: Mapping[str, str], broker: Broker, services: Mapping[str, Any], system: str) -> None:
    """Publish the system's spec as the console does, and wait until both services have it."""
    targets = Targets(
        accuracy=AccuracyTarget(metric="task_success"), performance=PerformanceTarget(latency_max_ms=LATENCY_MS_MAX)
    )
    now = datetime.now(UTC)
    revision = SystemRevision(
        version=1, effective_at=now - timedelta(days=1), author="tests", spec=SystemSpec(system=system, targets=targets)
    )
    event = SystemRegistered(tenant="default", system=system, revisions=(revision,))
    async with open_publisher(KafkaSettings.from_environment(environment), "tests") as publisher:
        message = fact(REGISTRY_SYSTEMS, event, source="tests", identity=uuid4(), system=system, time=now)
        await publisher.publish([message])
    topic = REGISTRY_SYSTEMS.name
    ends = {partition: end for partition, end in broker.ends(topic).items() if end}
    for name in services:
        group = group_of(name, topic)

        async def read(group: str = group) -> dict[int, int]:
            return {partition: at for partition, at in broker.committed(group, topic).items() if partition in ends}

        assert await until(read, lambda at: at == ends) == ends


def letters(recorded: Sequence[Trajectory], system: str) -> list[Letter]:
    """Two events for each trajectory, shifted in time so that the last one completes now."""
    shift = datetime.now(UTC) - max(trajectory.completed_at for trajectory in recorded)
    return [
        Letter(AGENT_EVENTS.name, system.encode(), json.dumps(event).encode())
        for trajectory in sorted(recorded, key=lambda trajectory: trajectory.completed_at)
        for event in (interaction(trajectory, system, shift), evaluation(trajectory, system, shift))
    ]


def envelope(trajectory: Trajectory, system: str, shift: timedelta, kind: str, data: dict[str, Any]) -> dict[str, Any]:
    return {
        "specversion": "1.0",
        "id": f"{trajectory.id}-{kind}",
        "source": f"recorded/{system}",
        "type": kind,
        "subject": system,
        "time": (trajectory.completed_at + shift).isoformat(),
        "data": {"interaction_id": trajectory.id, "release": RELEASE, **data},
    }


def interaction(trajectory: Trajectory, system: str, shift: timedelta) -> dict[str, Any]:
    data = {
        "outcome": "ok",
        "latency_ms": trajectory.latency_us / 1_000,
        "input_tokens": sum(request.input_tokens for request in trajectory.requests),
        "output_tokens": sum(request.output_tokens for request in trajectory.requests),
        "provider": "openai",
        "model": "gpt-4o",
        "escalated": trajectory.hand_overs > 0,
        "autonomous": trajectory.hand_overs == 0,
    }
    return envelope(trajectory, system, shift, "interaction.completed", data)


def evaluation(trajectory: Trajectory, system: str, shift: timedelta) -> dict[str, Any]:
    data = {
        "metric": "task_success",
        "evaluator": "tau-bench",
        "evaluator_version": "1",
        "score": trajectory.reward,
        "passed": trajectory.reward == 1.0,
    }
    return envelope(trajectory, system, shift, "evaluation.recorded", data)


def test_the_recording_is_the_one_that_we_know(recorded: list[Trajectory]) -> None:
    assert len(recorded) == 200
    assert sum(trajectory.reward == 1.0 for trajectory in recorded) == 84
    assert sum(trajectory.hand_overs for trajectory in recorded) == 48
    assert sum(trajectory.hand_overs > 0 for trajectory in recorded) == 48


async def test_recorded_trajectories_are_counted_and_budgeted_exactly(
    environment: Mapping[str, str],
    broker: Broker,
    services: Mapping[str, ServiceProcess],
    answers: Answers,
    recorded: list[Trajectory],
    system: str,
) -> None:
    await declare(environment, broker, services, system)
    since = {topic.name: broker.ends(topic.name) for topic in (TELEMETRY_SUMMARIES, BUDGET_STATES)}
    broker.publish(letters(recorded, system))

    totals = await until(lambda: answers.totals(system), lambda now: now["published"] >= 400)
    late = totals.pop("late")
    assert totals == {"published": 400, "counted": 400, "duplicates": 0, "rejected": 0}
    accuracy = await fully_granted(answers, system, "accuracy")
    assert (accuracy["granted"], accuracy["burned"], accuracy["zone"]) == (200 * GRANTED, 116 * MILLION, "red")
    assert accuracy["available"] == 200 * GRANTED - 116 * MILLION
    assert accuracy["remaining_ppm"] == -10_600_000

    slow = sum(trajectory.latency_us >= LATENCY_MS_MAX * 1_000 for trajectory in recorded)
    performance = await fully_granted(answers, system, "performance")
    assert 0 < slow < 200
    assert (performance["granted"], performance["burned"]) == (200 * GRANTED, slow * 300_000)
    explained = {(row["kind"], row["events"]) for row in (await answers.explanation(system, "accuracy"))["totals"]}
    assert explained == {("grant", 200), ("burn", 116)}

    check_summaries(broker, since[TELEMETRY_SUMMARIES.name], recorded, system, late)
    await check_states(broker, since[BUDGET_STATES.name], system)


async def fully_granted(answers: Answers, system: str, dimension: str) -> dict[str, Any]:
    """The budget once 200 events have earned their points."""
    budget = await until(
        lambda: answers.budget(system, dimension), lambda now: now is not None and now["granted"] >= 200 * GRANTED
    )
    assert budget is not None
    return budget


def check_summaries(
    broker: Broker, since: Mapping[int, int], recorded: Sequence[Trajectory], system: str, late: int
) -> None:
    """The summaries on the topic add up to the recording."""
    messages = broker.read(TELEMETRY_SUMMARIES.name, since)
    mine = [
        TelemetrySummary.model_validate_json(message.value())
        for message in messages
        if message.key() == system.encode()
    ]
    requests = [request for trajectory in recorded for request in trajectory.requests]
    parts = [summary.interactions for summary in mine]
    assert sum(part.count for part in parts) == 200
    assert sum(part.escalated for part in parts) == 48
    assert sum(part.autonomous for part in parts) == 152
    assert sum(part.input_tokens.total for part in parts) == sum(request.input_tokens for request in requests)
    assert sum(part.output_tokens.total for part in parts) == sum(request.output_tokens for request in requests)
    assert sum(part.latency_us.total for part in parts) == sum(request.latency_us for request in requests)
    judged = [judged for summary in mine for judged in summary.evaluations]
    assert {item.metric for item in judged} == {"task_success"}
    assert (sum(item.passed for item in judged), sum(item.failed for item in judged)) == (84, 116)
    assert sum(summary.measurement.counted for summary in mine) == 400
    assert sum(summary.measurement.late for summary in mine) == late


async def check_states(broker: Broker, since: Mapping[int, int], system: str) -> None:
    """The last state on the topic says what the ledger answers."""
    known = ("red", 200 * GRANTED, 116 * MILLION, "red")

    async def last() -> tuple[Any, ...]:
        messages = [m for m in broker.read(BUDGET_STATES.name, since) if m.key() == system.encode()]
        states = BudgetStates.model_validate_json(messages[-1].value())
        accuracy = next(budget for budget in states.budgets if budget.dimension == "accuracy")
        return states.worst, accuracy.granted, accuracy.burned, accuracy.zone

    assert await until(last, lambda states: states == known) == known
