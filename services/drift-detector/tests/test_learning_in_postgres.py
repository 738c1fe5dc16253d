"""References that are learned come out the same however summaries are cut into batches."""

from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from functools import partial
from importlib.resources import files
from typing import Any
from uuid import uuid4

import pytest
from drift_builders import PANE, TENANT, learn_anew, pane_at

from drift_detector.adapters.postgres import Plans, PostgresSystems
from drift_detector.domain.decide import Item
from drift_detector.service import DriftDetector
from flyball.bus.records import Record
from flyball.bus.typed import Received
from flyball.observe.metrics import Metrics
from flyball.schemas.drift import DriftPolicy, DriftReference
from flyball.schemas.registry import Owners, SystemRegistered, SystemRevision, SystemSpec
from flyball.schemas.summaries import InteractionStatistics, PredictionStatistics, TelemetrySummary
from flyball.schemas.topics import DRIFT_REFERENCES, DRIFT_REPORTS
from flyball.store.postgres import PostgresDatabase, PostgresTransaction, open_postgres
from flyball.store.settings import StoreSettings

pytestmark = pytest.mark.stack
Service = DriftDetector[PostgresTransaction]
POLICY = DriftPolicy(lateness_seconds=0, reference_rows=500, calibration_panes=3)
ROWS, FIRST, ON_IT, ANEW = 100, 5, 10, 7
REBASED_AT = pane_at(FIRST + ON_IT + 10)
SIZES = (1, 4, 500)


@pytest.fixture
async def database(postgres_dsn: str) -> AsyncIterator[PostgresDatabase]:
    settings = StoreSettings.from_environment({"FLYBALL_POSTGRES": postgres_dsn})
    migrations = [files("drift_detector").joinpath("migrations")]
    async with open_postgres(settings, f"drift_{uuid4().hex[:8]}", migrations) as opened:
        yield opened


def _items(system: str) -> list[Item]:
    """First rows, panes on what was learned of them, and rows after somebody had the system learn anew."""
    first = [pane_at(number) for number in range(FIRST)]
    on_it = [pane_at(FIRST + 5 + number) for number in range(ON_IT)]
    anew = [REBASED_AT + number * PANE for number in range(ANEW)]
    return [Item(_summary(system, start), start + PANE) for start in (*first, *on_it, *anew)]


def _summary(system: str, start: datetime) -> TelemetrySummary:
    return TelemetrySummary(
        tenant=TENANT,
        system=system,
        release="1.0.0",
        segment=None,
        bucket_start=start,
        event_time_max=start,
        interactions=InteractionStatistics(count=ROWS),
        predictions=PredictionStatistics(count=ROWS, classes={"yes": 70, "no": 30}),
    )


def _received(event: Any, at: datetime) -> Received[Any]:
    return Received(event, uuid4(), Record("t", 0, 0, int(at.timestamp() * 1000), None, None, ()))


async def _learns(database: PostgresDatabase, system: str, size: int) -> None:
    service: Service = DriftDetector(partial(PostgresSystems, plans=Plans()), Metrics("drift-detector"))
    spec = SystemSpec(system=system, owners=Owners(), drift=POLICY)
    revision = SystemRevision(version=1, effective_at=pane_at(-1), author="ada", spec=spec)
    registered = SystemRegistered(tenant=TENANT, system=system, revisions=(revision,))
    rebased = learn_anew(2, REBASED_AT).model_copy(update={"system": system})
    given = _items(system)
    async with database.transaction() as transaction:
        await service.on_registered(transaction, [_received(registered, pane_at(-1))])
    known_from = FIRST + 1
    for batch in (*_cut(given[:known_from], size), [], *_cut(given[known_from:], size)):
        async with database.transaction() as transaction:
            if not batch:
                await service.on_references(transaction, [_received(rebased, REBASED_AT)])
            await service.on_summaries(transaction, [_received(item.summary, item.recorded_at) for item in batch])


def _cut(items: Sequence[Item], size: int) -> list[Sequence[Item]]:
    return [items[at : at + size] for at in range(0, len(items), size)]


async def _told(database: PostgresDatabase, topic: str, system: str) -> list[str]:
    rows = await database.fetch("SELECT body FROM outbox WHERE topic = $1 ORDER BY id", topic)
    named = f'"system":"{system}"'
    return [body.replace(named, "") for row in rows if named in (body := bytes(row["body"]).decode())]


async def test_what_is_learned_does_not_depend_on_batches(database: PostgresDatabase) -> None:
    """Not even where one batch holds the first rows and panes on them, or the end of one version and the next."""
    for size in SIZES:
        await _learns(database, f"in-{size}", size)
    for topic in (DRIFT_REFERENCES.name, DRIFT_REPORTS.name):
        one_by_one, *others = [await _told(database, topic, f"in-{size}") for size in SIZES]
        assert one_by_one
        assert others == [one_by_one] * len(others), topic


async def test_a_version_is_made_of_all_rows_since_it_said_to_learn(database: PostgresDatabase) -> None:
    """Those of the very batch in which the version before ended included."""
    await _learns(database, "pay", 4)
    rows = await database.fetch("SELECT body FROM outbox WHERE topic = $1 ORDER BY id", DRIFT_REFERENCES.name)
    made = [DriftReference.model_validate_json(bytes(row["body"])) for row in rows]
    assert [(one.version, one.rows) for one in made] == [(1, FIRST * ROWS), (3, POLICY.reference_rows)]
