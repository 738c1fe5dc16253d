"""Systems and rollouts in Postgres."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pydantic import TypeAdapter

from flyball.schemas.budgets import BudgetStates
from flyball.schemas.registry import SystemRegistered, SystemRevision
from flyball.schemas.summaries import TelemetrySummary
from flyball.store.postgres import PostgresTransaction

REVISIONS = TypeAdapter(tuple[SystemRevision, ...])
ADD_TRAFFIC = """
INSERT INTO traffic VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (tenant, system, minute, release) DO UPDATE SET interactions = traffic.interactions + excluded.interactions
"""


@dataclass(frozen=True, slots=True)
class PostgresRollouts:
    transaction: PostgresTransaction

    async def register(self, event: SystemRegistered) -> None:
        await self._connection.execute(
            "INSERT INTO systems (tenant, system, revisions) VALUES ($1, $2, $3)"
            " ON CONFLICT (tenant, system) DO UPDATE SET revisions = excluded.revisions",
            event.tenant,
            event.system,
            REVISIONS.dump_json(event.revisions).decode(),
        )

    async def keep_budgets(self, event: BudgetStates) -> None:
        await self._connection.execute(
            "INSERT INTO systems (tenant, system, budgets) VALUES ($1, $2, $3)"
            " ON CONFLICT (tenant, system) DO UPDATE SET budgets = excluded.budgets",
            event.tenant,
            event.system,
            event.model_dump_json(),
        )

    async def count_traffic(self, summaries: Sequence[TelemetrySummary]) -> None:
        counts: Counter[tuple[str, str, datetime, str]] = Counter()
        for summary in summaries:
            if summary.release and summary.interactions.count:
                minute = summary.bucket_start.replace(second=0, microsecond=0)
                counts[summary.tenant, summary.system, minute, summary.release] += summary.interactions.count
        # In order, so that two batches lock rows in the same order.
        rows = [(*key, count) for key, count in sorted(counts.items())]
        await self._connection.executemany(ADD_TRAFFIC, rows)

    @property
    def _connection(self) -> Any:
        return self.transaction.connection
