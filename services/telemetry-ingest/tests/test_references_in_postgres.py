"""References in Postgres: the versions that hold within a span, each read once."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from importlib.resources import files
from uuid import uuid4

import pytest

from flyball.schemas.drift import CategoricalReference, DriftReference
from flyball.store.postgres import PostgresDatabase, open_postgres
from flyball.store.settings import StoreSettings
from telemetry_ingest.adapters.references import IN_MEMORY_MAX, PostgresReferences, Yardsticks
from telemetry_ingest.domain.yardsticks import Yardstick

pytestmark = pytest.mark.stack
START = datetime(2026, 11, 21, 9, tzinfo=UTC)
KEY = ("default", "card-fraud")


@pytest.fixture
async def database(postgres_dsn: str) -> AsyncIterator[PostgresDatabase]:
    settings = StoreSettings.from_environment({"FLYBALL_POSTGRES": postgres_dsn})
    migrations = [files("telemetry_ingest").joinpath("migrations")]
    async with open_postgres(settings, f"ingest_{uuid4().hex[:8]}", migrations) as opened:
        yield opened


def reference(version: int, system: str = KEY[1]) -> DriftReference:
    """Version n takes effect n minutes after the start."""
    return DriftReference(
        tenant=KEY[0],
        system=system,
        version=version,
        effective_at=START + timedelta(minutes=version),
        release=None,
        rows=500,
        features={
            "country": CategoricalReference(kind="categorical", counts={"de": 400, "\0": 100}, rows=500, nulls=0)
        },
        source="test",
        author="user:test",
        created_at=START,
    )


@pytest.mark.parametrize(
    ("first", "last", "versions"), [(0, 0, []), (0, 1, [1]), (1, 1, [1]), (2, 2, [2]), (1.5, 3, [1, 2, 3]), (9, 9, [3])]
)
async def test_the_versions_of_a_span(
    database: PostgresDatabase, first: float, last: float, versions: list[int]
) -> None:
    async with database.transaction() as transaction:
        references = PostgresReferences(transaction, Yardsticks())
        for version in (2, 1, 3, 3):
            await references.keep(reference(version))
            await references.keep(reference(version, "another"))
        span = START + timedelta(minutes=first), START + timedelta(minutes=last)
        found = await references.between({KEY: span, ("default", "unheard-of"): span})
    assert [one.reference.version for one in found.get(KEY, [])] == versions
    assert set(found) <= {KEY}
    assert [one.reference for one in found.get(KEY, [])] == [reference(version) for version in versions]


async def test_nothing_is_asked_for_a_batch_without_predictions(database: PostgresDatabase) -> None:
    async with database.transaction() as transaction:
        assert await PostgresReferences(transaction, Yardsticks()).between({}) == {}


async def test_memory_has_a_bound_and_keeps_what_is_used() -> None:
    known = Yardsticks()
    for number in range(IN_MEMORY_MAX + 1):
        known.put((*KEY, number), Yardstick.of(reference(1)))
        assert known.get((*KEY, 0)) is not None
    assert known.get((*KEY, 1)) is None
