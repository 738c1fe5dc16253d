"""What each service really subscribes to, publishes and names in its code is what the table of topics says of it."""

import ast
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from audit_log.adapters.postgres import PostgresChains
from audit_log.service import AuditLog
from audit_log.service import wiring as audit_wiring
from autonomy_controller.adapters.postgres import PostgresMemory
from autonomy_controller.service import AutonomyController
from autonomy_controller.service import wiring as autonomy_wiring
from budget_ledger.adapters.postgres import PostgresLedger
from budget_ledger.service import BudgetLedger
from budget_ledger.service import wiring as ledger_wiring
from console.adapters.changes import PostgresChanges
from console.adapters.drift import PostgresDrift
from console.adapters.postgres import PostgresLiveBudgets, PostgresRejections, PostgresSystems
from console.service import Console
from console.service import wiring as console_wiring
from drift_detector.adapters.postgres import Plans
from drift_detector.adapters.postgres import PostgresSystems as DriftSystems
from drift_detector.service import DriftDetector
from drift_detector.service import wiring as drift_wiring
from flyball.bus.subscription import Wiring
from flyball.bus.typed import TypedHandler
from flyball.observe.metrics import Metrics
from flyball.schemas import topics
from flyball.schemas.topics import AGENT_EVENTS, DECLARED, TOPICS, Topic, dead_letters_of
from flyball.stack import discover
from notifier.adapters.changes import PostgresChanges as NotifierChanges
from notifier.adapters.postgres import PostgresBoards
from notifier.domain.policy import Policy
from notifier.service import Notifier
from notifier.service import wiring as notifier_wiring
from rollback_executor.adapters.postgres import PostgresRollouts
from rollback_executor.service import RollbackExecutor
from rollback_executor.service import wiring as rollback_wiring
from telemetry_ingest.adapters.feeds import FeedMemory, PostgresFeeds
from telemetry_ingest.adapters.otlp import OtlpReader
from telemetry_ingest.adapters.postgres import PostgresTotals
from telemetry_ingest.adapters.price_list import list_price
from telemetry_ingest.adapters.references import PostgresReferences, Yardsticks
from telemetry_ingest.adapters.traces import PostgresTraces
from telemetry_ingest.domain.joins import Answer, Asked
from telemetry_ingest.domain.otlp.traces import TraceLimits
from telemetry_ingest.domain.verdicts import Limits
from telemetry_ingest.otlp import SAYS, OtlpIngest, subscriptions
from telemetry_ingest.ports import Sighting
from telemetry_ingest.service import TelemetryIngest
from telemetry_ingest.service import wiring as ingest_wiring

SERVICES = Path(__file__).parents[2] / "services"
THROUGH_HTTP = {"console": {AGENT_EVENTS.name}}
"""console also publishes what agents hand it over HTTP: theirs, so the table names the agents as producers."""


class NoSightings:
    async def first(self, sightings: list[Sighting]) -> list[bool]:
        return [True for _ in sightings]


class NoJoins:
    async def find(self, asked: list[Asked]) -> list[Answer]:
        return [Answer() for _ in asked]


def wirings() -> dict[str, Wiring[Any]]:
    """As each composition root makes them."""
    ingest = TelemetryIngest(
        Limits(),
        NoSightings(),
        PostgresTotals,
        lambda tx: PostgresReferences(tx, Yardsticks()),
        NoJoins(),
        lambda tx: PostgresFeeds(tx, FeedMemory(list_price)),
        Metrics("ingest"),
    )
    otlp = OtlpIngest(
        OtlpReader(),
        "auto",
        PostgresTraces,
        lambda tx: PostgresFeeds(tx, FeedMemory(list_price)),
        TraceLimits(),
        1,
        Metrics("telemetry-ingest"),
    )
    drift = DriftDetector(lambda tx: DriftSystems(tx, Plans()), Metrics("drift-detector"))
    ledger = BudgetLedger(PostgresLedger, Metrics("budget-ledger"))
    console = Console(
        timedelta(),
        PostgresSystems,
        lambda tx: PostgresRejections(tx, 1),
        PostgresLiveBudgets,
        PostgresDrift,
        PostgresChanges,
    )
    audit = AuditLog(PostgresChains, Metrics("audit-log"))
    notifier = Notifier(lambda tx: PostgresBoards(tx, Policy()), NotifierChanges, Policy(), Metrics("notifier"))
    rollback = RollbackExecutor(PostgresRollouts, Metrics("rollback-executor"))
    autonomy = AutonomyController(PostgresMemory, Metrics("autonomy-controller"), lambda _tx, _asked, _stored: None)
    made = (
        ingest_wiring(ingest, 1, subscriptions(otlp, 1), SAYS),
        drift_wiring(drift),
        ledger_wiring(ledger),
        console_wiring(console, Metrics("console")),
        audit_wiring(audit),
        autonomy_wiring(autonomy),
        notifier_wiring(notifier),
        rollback_wiring(rollback),
    )
    return {wiring.name: wiring for wiring in made}


def consumed(name: str) -> set[str]:
    return {topic.name for topic in TOPICS if name in topic.consumers}


def produced(name: str) -> set[str]:
    return {topic.name for topic in TOPICS if name in topic.producers}


def buried_by(wiring: Wiring[Any]) -> set[str]:
    """Dead letters that the bus writes for this service: those of its typed subscriptions."""
    typed = [item.topic for item in wiring.subscriptions if isinstance(item.handle, TypedHandler)]
    return {dead_letters_of(topic).name for topic in typed}


def test_every_service_is_held_against_the_table() -> None:
    assert wirings().keys() == {path.name for path in SERVICES.iterdir() if (path / "pyproject.toml").exists()}
    assert wirings().keys() == discover().keys()


@pytest.mark.parametrize("name", wirings())
def test_a_service_subscribes_to_what_the_table_says(name: str) -> None:
    subscribed = [subscription.topic.name for subscription in wirings()[name].subscriptions]
    assert len(subscribed) == len(set(subscribed))
    assert set(subscribed) == consumed(name)


@pytest.mark.parametrize("name", wirings())
def test_a_service_publishes_what_the_table_says(name: str) -> None:
    wiring = wirings()[name]
    assert {topic.name for topic in wiring.publishes} | buried_by(wiring) == produced(name)


@pytest.mark.parametrize("name", wirings())
def test_a_service_names_no_other_topic_in_its_code(name: str) -> None:
    wiring = wirings()[name]
    declared = {subscription.topic.name for subscription in wiring.subscriptions}
    declared |= {topic.name for topic in wiring.publishes} | THROUGH_HTTP.get(name, set())
    assert set(topics_named_by(name)) == declared


def test_every_consumer_and_producer_in_the_table_exists() -> None:
    known = {*wirings(), "agents", "opentelemetry-collector"}
    named = {who for topic in DECLARED for who in (*topic.producers, *topic.consumers)}
    assert named == known


def topics_named_by(service: str) -> Iterator[str]:
    """Topics that the service's modules import from the table."""
    for path in (SERVICES / service / "src").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.module == topics.__name__:
                named = [getattr(topics, alias.name) for alias in node.names]
                yield from (topic.name for topic in named if isinstance(topic, Topic))
