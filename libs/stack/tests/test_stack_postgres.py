"""A real Postgres: what is committed survives kill -9 of the server and all its backends, and nothing else does."""

from pathlib import Path

import asyncpg
import psutil
import pytest

from flyball.stack import Postgres

pytestmark = pytest.mark.stack


@pytest.fixture
async def server(tmp_path: Path):
    server = Postgres(tmp_path)
    await server.start()
    yield server
    await server.stop()


async def test_crash_recovery_keeps_commits_and_drops_the_rest(server: Postgres) -> None:
    connection = await asyncpg.connect(server.dsn)
    await connection.execute("CREATE SCHEMA ledger; CREATE TABLE ledger.entries (amount bigint)")
    await connection.execute("INSERT INTO ledger.entries SELECT generate_series(1, 1000)")
    open_transaction = connection.transaction()
    await open_transaction.start()
    await connection.execute("INSERT INTO ledger.entries VALUES (-1)")
    backends = psutil.Process(server.process.pid).children(recursive=True)
    await server.kill()
    connection.terminate()
    assert not any(backend.is_running() and backend.status() != psutil.STATUS_ZOMBIE for backend in backends)
    await server.restart()
    connection = await asyncpg.connect(server.dsn)
    assert await connection.fetchrow("SELECT count(*), min(amount) FROM ledger.entries") == (1000, 1)
    await connection.close()
    assert "automatic recovery in progress" in server.log_path.read_text()


async def test_a_new_object_finds_the_data_and_the_password_again(server: Postgres) -> None:
    dsn_before = server.dsn
    await server.stop()
    again = Postgres(server.directory, server.port)
    await again.start()
    assert again.dsn == dsn_before
    await again.stop()


async def test_a_wrong_password_is_refused(server: Postgres) -> None:
    with pytest.raises(asyncpg.InvalidPasswordError):
        await asyncpg.connect(server.dsn, password="guess")


async def test_services_are_not_superuser_and_every_commit_reaches_the_disk(server: Postgres) -> None:
    connection = await asyncpg.connect(server.dsn)
    names = ("is_superuser", "fsync", "synchronous_commit", "listen_addresses", "server_encoding")
    values = [await connection.fetchval("SELECT current_setting($1)", name) for name in names]
    await connection.close()
    assert values == ["off", "on", "on", "127.0.0.1", "UTF8"]
