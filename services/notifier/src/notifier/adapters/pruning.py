"""What is old is forgotten: incidents long over with all that belongs to them, and the inputs of that time."""

from datetime import datetime

from flyball.store.postgres import PostgresDatabase

ROWS_MAX = 2_000
"""In one transaction, so that nobody waits long for a row."""
OLD = """
SELECT tenant, id FROM incidents WHERE state = ANY($1) AND resolved_at < $2 ORDER BY resolved_at LIMIT $3
FOR UPDATE SKIP LOCKED
"""
OF_INCIDENTS = ("children", "timeline", "deliveries")
OLD_INPUTS = """
DELETE FROM inputs WHERE ctid = ANY(ARRAY(SELECT ctid FROM inputs WHERE at < $1 ORDER BY at LIMIT $2))
"""


async def prune(database: PostgresDatabase, over: list[str], before: datetime) -> int:
    """Forget what was over before a moment, some of it; how many incidents and inputs that were."""
    async with database.transaction() as transaction:
        connection = transaction.connection
        rows = await connection.fetch(OLD, over, before, ROWS_MAX)
        which = [row["tenant"] for row in rows], [row["id"] for row in rows]
        for table in OF_INCIDENTS:
            await connection.execute(
                f"DELETE FROM {table} t USING unnest($1::text[], $2::text[]) AS old (tenant, id)"
                " WHERE t.tenant = old.tenant AND t.incident = old.id",
                *which,
            )
        await connection.execute(
            "DELETE FROM incidents t USING unnest($1::text[], $2::text[]) AS old (tenant, id)"
            " WHERE t.tenant = old.tenant AND t.id = old.id",
            *which,
        )
        status: str = await connection.execute(OLD_INPUTS, before, ROWS_MAX)
    return len(rows) + int(status.rsplit(maxsplit=1)[-1])
