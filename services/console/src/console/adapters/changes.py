"""Which parts of the pages have changed."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from flyball.store.postgres import PostgresDatabase, PostgresTransaction


@dataclass(frozen=True, slots=True)
class PostgresChanges:
    """Writes, within a transaction."""

    transaction: PostgresTransaction

    async def note(self, fragment: str) -> None:
        """One more change of a part; the row stays locked until commit."""
        await self.transaction.connection.execute("UPDATE changes SET last = last + 1 WHERE fragment = $1", fragment)


@dataclass(frozen=True, slots=True)
class ChangesReads:
    database: PostgresDatabase

    async def counts(self, fragments: Collection[str]) -> Mapping[str, int]:
        """How often each part has changed. Raises ``Transient`` while Postgres is away."""
        rows = await self.database.fetch(
            "SELECT fragment, last FROM changes WHERE fragment = ANY($1::text[])", list(fragments)
        )
        return {row["fragment"]: row["last"] for row in rows}
