"""What there is to do, from Postgres."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from flyball.store.postgres import PostgresDatabase
from rollback_executor.adapters.rows import order_of
from rollback_executor.ports import Order, SystemKey

ORDERS_MAX = 20
PAUSE_SECONDS_MAX = 60
TRAFFIC_KEPT = timedelta(hours=1)
CLAIM = """
UPDATE effects e SET attempts = attempts + 1,
    next_try_at = $1 + $2::interval * least(power(2, least(attempts, 10)), $3::float)
FROM rollouts r WHERE r.id = e.rollout_id AND (e.rollout_id, e.epoch, e.step) IN (
    SELECT rollout_id, epoch, step FROM effects WHERE outcome IS NULL AND next_try_at <= $1::timestamptz
    ORDER BY next_try_at LIMIT $4 FOR UPDATE SKIP LOCKED)
RETURNING e.*, r.tenant, r.system, r.environment, r.adapter
"""


@dataclass(frozen=True, slots=True)
class PostgresQueue:
    """``pause`` doubles with each try, to a minute at most: longer than a target may take to answer."""

    database: PostgresDatabase
    pause: timedelta

    async def watched_systems(self) -> Sequence[SystemKey]:
        rows = await self.database.fetch(
            "SELECT DISTINCT tenant, system FROM rollouts WHERE is_watched ORDER BY tenant, system"
        )
        return [(row["tenant"], row["system"]) for row in rows]

    async def forget_traffic(self, at: datetime) -> None:
        await self.database.fetch("DELETE FROM traffic WHERE minute < $1", at - TRAFFIC_KEPT)

    async def claim_orders(self, at: datetime) -> Sequence[Order]:
        factor_max = max(1, PAUSE_SECONDS_MAX // max(1, int(self.pause.total_seconds())))
        async with self.database.transaction() as transaction:
            rows = await transaction.connection.fetch(CLAIM, at, self.pause, factor_max, ORDERS_MAX)
        return [order_of(row) for row in rows]
