"""The stores that every contract test is played on."""

import asyncio

import pytest

from tests.contract.store import Play, on_memory, on_postgres


@pytest.fixture(params=["memory", pytest.param("postgres", marks=pytest.mark.stack)])
def play(request: pytest.FixtureRequest) -> Play:
    """Runs a case on one store. Postgres belongs to the session; ``make check`` leaves it out."""
    if request.param == "memory":
        return on_memory
    dsn: str = request.getfixturevalue("postgres_dsn")
    return lambda case: asyncio.run(on_postgres(dsn, case))
