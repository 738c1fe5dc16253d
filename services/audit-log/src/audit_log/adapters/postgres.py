"""Chains in Postgres."""

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from audit_log.domain.chain import GENESIS_HASH, Head, Link
from flyball.store.postgres import PostgresDatabase, PostgresTransaction

PAGE_LINKS = 5_000
COLUMNS = ("tenant", "sequence", "previous_hash", "text", "hash", "record_id")


@dataclass(frozen=True, slots=True)
class PostgresChains:
    transaction: PostgresTransaction

    async def lock_heads(self, tenants: Collection[str]) -> Mapping[str, Head]:
        ordered = sorted(tenants)
        connection = self.transaction.connection
        await connection.executemany(
            "INSERT INTO heads VALUES ($1, 0, $2) ON CONFLICT DO NOTHING", [(name, GENESIS_HASH) for name in ordered]
        )
        rows = await connection.fetch(
            "SELECT tenant, sequence, hash FROM heads WHERE tenant = ANY($1::text[]) ORDER BY tenant FOR UPDATE",
            ordered,
        )
        return {row["tenant"]: Head(row["tenant"], row["sequence"], row["hash"]) for row in rows}

    async def append(self, links: Sequence[Link]) -> None:
        connection = self.transaction.connection
        await connection.copy_records_to_table("links", records=[_row(link) for link in links], columns=COLUMNS)
        last = {link.tenant: link.head for link in links}
        await connection.executemany(
            "UPDATE heads SET sequence = $2, hash = $3 WHERE tenant = $1",
            [(head.tenant, head.sequence, head.hash) for head in last.values()],
        )


def _row(link: Link) -> tuple[Any, ...]:
    identity = UUID(link.content["event"]["id"])
    return link.tenant, link.sequence, link.previous_hash, link.text, link.hash, identity


def _link(row: Mapping[str, Any]) -> Link:
    return Link(row["tenant"], row["sequence"], row["previous_hash"], row["text"], row["hash"])


async def read_heads(database: PostgresDatabase) -> list[Head]:
    rows = await database.fetch("SELECT tenant, sequence, hash FROM heads ORDER BY tenant")
    return [Head(row["tenant"], row["sequence"], row["hash"]) for row in rows]


async def read_links(
    database: PostgresDatabase, tenant: str, *, after: int = 0, links_max: int = PAGE_LINKS
) -> list[Link]:
    """Links in the order of their sequence."""
    rows = await database.fetch(
        "SELECT * FROM links WHERE tenant = $1 AND sequence > $2 ORDER BY sequence LIMIT $3", tenant, after, links_max
    )
    return [_link(row) for row in rows]


async def read_newest(database: PostgresDatabase, tenant: str, *, before: int | None, links_max: int) -> list[Link]:
    """The newest links first, those before ``before`` where it is given."""
    rows = await database.fetch(
        "SELECT * FROM links WHERE tenant = $1 AND ($2::bigint IS NULL OR sequence < $2)"
        " ORDER BY sequence DESC LIMIT $3",
        tenant,
        before,
        links_max,
    )
    return [_link(row) for row in rows]


async def read_record(database: PostgresDatabase, tenant: str, record_id: UUID) -> Link | None:
    rows = await database.fetch("SELECT * FROM links WHERE tenant = $1 AND record_id = $2", tenant, record_id)
    return _link(rows[0]) if rows else None


async def all_links(database: PostgresDatabase, tenant: str) -> AsyncIterator[Link]:
    """The whole chain, a page at a time."""
    after = 0
    while page := await read_links(database, tenant, after=after):
        for link in page:
            yield link
        after = page[-1].sequence
