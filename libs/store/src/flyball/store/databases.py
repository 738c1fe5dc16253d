"""Databases beside the one that a service uses: to replay topics into, and to compare with."""

import re
from typing import Final
from urllib.parse import urlsplit

import asyncpg

from flyball.store.postgres import transient_errors

NAME: Final = re.compile(r"[a-z_][a-z0-9_]{0,62}")
"""What needs no quotes, within the 63 bytes that Postgres keeps of a name."""
NAME_RULE: Final = "a database's name has lower-case letters, digits and _, at most 63, and begins with no digit"


async def create_database(dsn: str, name: str) -> str:
    """Make an empty database on the same server, owned by the same role, and return its address.

    Raises:
        ValueError: ``name`` is not of the form that ``NAME_RULE`` says.
        Transient: the server is away.
        asyncpg.DuplicateDatabaseError: there is one of that name.
    """
    if not NAME.fullmatch(name):
        raise ValueError(f"{name[:80]!r}: {NAME_RULE}")
    with transient_errors():
        connection = await asyncpg.connect(dsn, timeout=10)
        try:
            await connection.execute(f'CREATE DATABASE "{name}"')
        finally:
            await connection.close()
    return urlsplit(dsn)._replace(path=f"/{name}").geturl()
