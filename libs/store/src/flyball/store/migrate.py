"""Plain SQL files, applied once each in the order of their names, in the service's own schema."""

from collections.abc import Iterable
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any

DELIVERY = files("flyball.store").joinpath("migrations")
LOCK = 7_074_001
"""Key of the advisory lock that lets one replica migrate while the others wait."""


async def migrate(connection: Any, schema: str, folders: Iterable[Traversable]) -> list[str]:
    """Bring ``schema`` up to date and return the names of the files applied. All or nothing."""
    applied: list[str] = []
    async with connection.transaction():
        await connection.execute("SELECT pg_advisory_xact_lock($1)", LOCK)
        await connection.execute(f'CREATE SCHEMA IF NOT EXISTS "{schema}"')
        await connection.execute(f'SET LOCAL search_path TO "{schema}"')
        await connection.execute("CREATE TABLE IF NOT EXISTS migrations (name text PRIMARY KEY)")
        done = {row["name"] for row in await connection.fetch("SELECT name FROM migrations")}
        for name, sql in _pending(folders, done):
            await connection.execute(sql)
            await connection.execute("INSERT INTO migrations VALUES ($1)", name)
            applied.append(name)
    return applied


def _pending(folders: Iterable[Traversable], done: set[str]) -> Iterable[tuple[str, str]]:
    for folder in folders:
        for file in sorted(folder.iterdir(), key=lambda entry: entry.name):
            if file.name.endswith(".sql") and file.name not in done:
                yield file.name, file.read_text(encoding="utf-8")
