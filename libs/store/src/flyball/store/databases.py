"""Databases beside the one that a service uses: to replay topics into, and to compare with."""

from urllib.parse import urlsplit

import asyncpg

from flyball.store.postgres import transient_errors


async def create_database(dsn: str, name: str) -> str:
    """Make an empty database on the same server, owned by the same role, and return its address.

    Raises ``Transient`` while the server is away, ``asyncpg.DuplicateDatabaseError`` where there is one of that name.
    """
    with transient_errors():
        connection = await asyncpg.connect(dsn, timeout=10)
        try:
            await connection.execute(f'CREATE DATABASE "{name.replace(chr(34), "")}"')
        finally:
            await connection.close()
    return urlsplit(dsn)._replace(path=f"/{name}").geturl()
