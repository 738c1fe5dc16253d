"""Horizons of joins: from the registry, for the moment an event was recorded."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from importlib.resources import files
from uuid import uuid4

import pytest

from flyball.schemas.registry import SystemRegistered, SystemRevision, SystemSpec
from flyball.schemas.telemetry import TelemetryPolicy
from flyball.store.postgres import PostgresDatabase, open_postgres
from flyball.store.settings import StoreSettings
from telemetry_ingest.adapters.horizons import PostgresHorizons

pytestmark = pytest.mark.stack
START = datetime(2026, 11, 21, 9, tzinfo=UTC)
KEY = "default", "fraud"


@pytest.fixture
async def database(postgres_dsn: str) -> AsyncIterator[PostgresDatabase]:
    settings = StoreSettings.from_environment({"FLYBALL_POSTGRES": postgres_dsn})
    migrations = [files("telemetry_ingest").joinpath("migrations")]
    async with open_postgres(settings, f"ingest_{uuid4().hex[:8]}", migrations) as opened:
        yield opened


def registered(*days: int) -> SystemRegistered:
    revisions = tuple(
        SystemRevision(
            version=number,
            effective_at=START + timedelta(minutes=number),
            author="ada",
            spec=SystemSpec(system=KEY[1], telemetry=TelemetryPolicy(join_horizon_days=horizon)),
        )
        for number, horizon in enumerate(days)
    )
    return SystemRegistered(tenant=KEY[0], system=KEY[1], revisions=revisions)


async def test_all_revisions_are_kept_and_the_default_takes_no_row(database: PostgresDatabase) -> None:
    async with database.transaction() as transaction:
        horizons = PostgresHorizons(transaction)
        await horizons.keep(registered(30, 30))
        assert await horizons.of([KEY]) == {}
        for _ in range(2):
            await horizons.keep(registered(30, 0, 7))
        expected = [(START, 30), (START + timedelta(minutes=1), 0), (START + timedelta(minutes=2), 7)]
        assert await horizons.of([KEY, ("default", "other")]) == {KEY: expected}
        await horizons.keep(registered(30))
        assert await horizons.of([KEY]) == {}
