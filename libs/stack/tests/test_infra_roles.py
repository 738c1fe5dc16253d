"""infra/postgres/roles.sql on a real server: each service has its own schema, and no way into another's."""

import os
import subprocess
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg
import pytest

from flyball.stack import Postgres, discover
from flyball.stack.postgres_binaries import find_binaries

pytestmark = pytest.mark.stack

ROLES = Path(__file__).parents[3] / "infra" / "postgres" / "roles.sql"
PASSWORDS = {f"FLYBALL_{name.upper().replace('-', '_')}_PASSWORD": f"secret of {name}" for name in discover()}


def run_psql(dsn: str, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    psql = find_binaries() / "psql"
    if not psql.exists():
        pytest.skip(f"LEFT OUT: roles.sql is not checked, for there is no {psql}: run `make install`")
    command = [str(psql), "--no-psqlrc", f"--dbname={dsn}", f"--file={ROLES}"]
    return subprocess.run(
        command, capture_output=True, text=True, env={**os.environ, **environment}, timeout=120, check=False
    )


@pytest.fixture
async def server(tmp_path: Path):
    server = Postgres(tmp_path)
    await server.start()
    yield server
    await server.stop()


async def connect_as(server: Postgres, role: str) -> asyncpg.Connection:
    password = PASSWORDS[f"FLYBALL_{role.upper()}_PASSWORD"]
    database = urlsplit(server.dsn).path.strip("/")
    return await asyncpg.connect(host="127.0.0.1", port=server.port, user=role, password=password, database=database)


async def test_each_service_owns_its_schema_and_cannot_open_another(server: Postgres) -> None:
    incomplete = run_psql(server.admin_dsn, {})
    assert incomplete.returncode != 0, "a password that is missing must end the script"
    done = run_psql(server.admin_dsn, PASSWORDS)
    assert done.returncode == 0, done.stderr
    roles = [name.replace("-", "_") for name in discover()]
    for role in roles:
        connection = await connect_as(server, role)
        # As a migration does.
        await connection.execute(f'CREATE SCHEMA IF NOT EXISTS "{role}"')
        await connection.execute(f"CREATE TABLE {role}.secrets AS SELECT 1 AS one")
        await connection.close()
    for role in roles:
        connection = await connect_as(server, role)
        for other in set(roles) - {role}:
            for statement in (f"SELECT * FROM {other}.secrets", f"CREATE TABLE {other}.intruder (a int)"):
                with pytest.raises(asyncpg.InsufficientPrivilegeError):
                    await connection.execute(statement)
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute("CREATE TABLE public.shared (a int)")
        await connection.close()
