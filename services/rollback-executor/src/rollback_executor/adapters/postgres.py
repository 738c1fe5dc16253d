"""Systems and rollouts in Postgres."""

import json
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from flyball.schemas.budgets import BudgetStates
from flyball.schemas.registry import SystemRegistered
from flyball.schemas.rollouts import RolloutChanged
from flyball.schemas.summaries import TelemetrySummary
from flyball.store.postgres import PostgresTransaction
from rollback_executor.adapters.rows import POINTER, REVISIONS, rollout_json, tracked_of
from rollback_executor.domain.facts import Fact, Intent, RolledBackByItself
from rollback_executor.domain.inputs import Input, body_of, kind_of
from rollback_executor.domain.rollout import Rollout, is_watched
from rollback_executor.ports import Order, System, SystemKey, TargetName, Tracked

TRAFFIC_WINDOW = timedelta(minutes=10)
ADD_TRAFFIC = """
INSERT INTO traffic VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (tenant, system, minute, release) DO UPDATE SET interactions = traffic.interactions + excluded.interactions
"""
WATCHED_SYSTEMS = """
SELECT s.tenant, s.system FROM systems s
JOIN unnest($1::text[], $2::text[]) AS n (tenant, system) USING (tenant, system)
WHERE EXISTS (SELECT FROM rollouts r WHERE r.tenant = s.tenant AND r.system = s.system AND r.is_watched)
ORDER BY s.tenant, s.system FOR UPDATE OF s
"""
WATCHED = """
SELECT tenant, system, state, policy, ticked_at FROM rollouts
JOIN unnest($1::text[], $2::text[]) AS n (tenant, system) USING (tenant, system)
WHERE is_watched ORDER BY number
"""
LOCK_SYSTEM = "SELECT * FROM systems WHERE tenant = $1 AND system = $2 FOR UPDATE"
OPEN = """
INSERT INTO rollouts (id, tenant, system, environment, adapter, step, is_open, is_watched, epoch, version, sequence,
    ticked_at, policy, opening, state) VALUES ($1, $2, $3, $4, $5, $6, true, true, $7, $8, $9, $10, $11, $12, $12)
"""
UPDATE = """
UPDATE rollouts SET step = $2, is_open = $3, is_watched = $4, epoch = $5, version = $6, sequence = $7, ticked_at = $8,
    state = $9 WHERE id = $1
"""
EARLIER_RELEASES = """
SELECT release FROM (
    SELECT state->>'baseline' AS release, number FROM rollouts
    WHERE tenant = $1 AND system = $2 AND environment = $3
    UNION ALL
    SELECT state->>'candidate', number + 0.5 FROM rollouts
    WHERE tenant = $1 AND system = $2 AND environment = $3 AND step = 'done'
) AS served GROUP BY release ORDER BY max(number) DESC LIMIT $4
"""
EARLIER_RELEASES_MAX = 5
SET_EPOCH = """
INSERT INTO targets VALUES ($1, $2, $3, $4)
ON CONFLICT (tenant, system, environment) DO UPDATE SET epoch = greatest(targets.epoch, excluded.epoch)
"""


@dataclass(frozen=True, slots=True)
class PostgresRollouts:
    transaction: PostgresTransaction

    async def register(self, event: SystemRegistered) -> None:
        await self._open_system((event.tenant, event.system))
        await self._connection.execute(
            "UPDATE systems SET revisions = $3 WHERE tenant = $1 AND system = $2",
            event.tenant,
            event.system,
            REVISIONS.dump_json(event.revisions).decode(),
        )

    async def keep_budgets(self, event: BudgetStates) -> BudgetStates | None:
        before = (await self.system((event.tenant, event.system))).budgets
        await self._connection.execute(
            "UPDATE systems SET budgets = $3 WHERE tenant = $1 AND system = $2",
            event.tenant,
            event.system,
            event.model_dump_json(),
        )
        return before

    async def count_traffic(self, summaries: Sequence[TelemetrySummary]) -> None:
        counts: Counter[tuple[str, str, datetime, str]] = Counter()
        for summary in summaries:
            if summary.release and summary.interactions.count:
                minute = summary.bucket_start.replace(second=0, microsecond=0)
                counts[summary.tenant, summary.system, minute, summary.release] += summary.interactions.count
        # In order, so that two batches lock rows in the same order.
        rows = [(*key, count) for key, count in sorted(counts.items())]
        await self._connection.executemany(ADD_TRAFFIC, rows)

    async def watched(self, systems: Collection[SystemKey]) -> Mapping[SystemKey, Sequence[Tracked]]:
        ordered = sorted(systems)
        columns = [tenant for tenant, _ in ordered], [system for _, system in ordered]
        if not await self._connection.fetch(WATCHED_SYSTEMS, *columns):
            return {}
        found: dict[SystemKey, list[Tracked]] = {}
        for row in await self._connection.fetch(WATCHED, *columns):
            found.setdefault((row["tenant"], row["system"]), []).append(tracked_of(row))
        return found

    async def system(self, key: SystemKey) -> System:
        await self._open_system(key)
        row = await self._connection.fetchrow(LOCK_SYSTEM, *key)
        return System(
            revisions=REVISIONS.validate_json(row["revisions"]) if row["revisions"] else (),
            budgets=BudgetStates.model_validate_json(row["budgets"]) if row["budgets"] else None,
            automatic_rollback_at=row["automatic_rollback_at"],
        )

    async def requests_per_second(self, key: SystemKey, at: datetime) -> float | None:
        total = await self._connection.fetchval(
            "SELECT sum(interactions) FROM traffic WHERE tenant = $1 AND system = $2 AND minute > $3",
            *key,
            at - TRAFFIC_WINDOW,
        )
        return None if total is None else float(total) / TRAFFIC_WINDOW.total_seconds()

    async def last_epoch(self, name: TargetName) -> int:
        found = await self._connection.fetchval(
            "SELECT epoch FROM targets WHERE tenant = $1 AND system = $2 AND environment = $3",
            name.tenant,
            name.system,
            name.environment,
        )
        return int(found or 0)

    async def find(self, rollout_id: str) -> Tracked | None:
        row = await self._connection.fetchrow("SELECT * FROM rollouts WHERE id = $1", rollout_id)
        return tracked_of(row) if row else None

    async def newest(self, name: TargetName) -> Tracked | None:
        row = await self._connection.fetchrow(
            "SELECT * FROM rollouts WHERE tenant = $1 AND system = $2 AND environment = $3"
            " ORDER BY number DESC LIMIT 1",
            name.tenant,
            name.system,
            name.environment,
        )
        return tracked_of(row) if row else None

    async def earlier_releases(self, name: TargetName) -> Sequence[str]:
        rows = await self._connection.fetch(
            EARLIER_RELEASES, name.tenant, name.system, name.environment, EARLIER_RELEASES_MAX
        )
        return [row["release"] for row in rows]

    async def open_rollout(self, opening: Tracked, facts: Sequence[Fact]) -> None:
        rollout = opening.rollout
        await self._connection.execute(
            "UPDATE rollouts SET is_watched = false WHERE tenant = $1 AND system = $2 AND environment = $3",
            rollout.tenant,
            rollout.system,
            rollout.environment,
        )
        await self._connection.execute(
            OPEN,
            rollout.id,
            rollout.tenant,
            rollout.system,
            rollout.environment,
            rollout.adapter,
            rollout.step,
            rollout.epoch,
            rollout.version,
            rollout.sequence,
            opening.ticked_at,
            opening.policy.model_dump_json(),
            rollout_json(rollout),
        )
        await self._save_facts(rollout, facts)

    async def save(self, after: Tracked, inputs: Sequence[Input], facts: Sequence[Fact], at: datetime) -> None:
        rollout = after.rollout
        first = rollout.sequence - len(inputs) + 1
        await self._connection.executemany(
            "INSERT INTO inputs VALUES ($1, $2, $3, $4)",
            [(rollout.id, first + n, kind_of(given), json.dumps(body_of(given))) for n, given in enumerate(inputs)],
        )
        await self._connection.execute(
            UPDATE,
            rollout.id,
            rollout.step,
            rollout.is_open,
            is_watched(rollout, after.policy, at),
            rollout.epoch,
            rollout.version,
            rollout.sequence,
            after.ticked_at,
            rollout_json(rollout),
        )
        await self._save_facts(rollout, facts)

    async def settle(self, order: Order, outcome: str, detail: str, at: datetime) -> None:
        await self._connection.execute(
            "UPDATE effects SET outcome = $4, detail = $5, receipt_at = $6"
            " WHERE rollout_id = $1 AND epoch = $2 AND step = $3",
            order.rollout_id,
            order.epoch,
            order.step,
            outcome,
            detail,
            at,
        )

    async def _save_facts(self, rollout: Rollout, facts: Sequence[Fact]) -> None:
        for fact in facts:
            if isinstance(fact, RolloutChanged):
                await self._connection.execute(
                    "INSERT INTO changes VALUES ($1, $2, $3)", rollout.id, fact.version, fact.model_dump_json()
                )
            elif isinstance(fact, Intent):
                await self._save_intent(rollout, fact)
            elif isinstance(fact, RolledBackByItself):
                await self._connection.execute(
                    "UPDATE systems SET automatic_rollback_at = $3 WHERE tenant = $1 AND system = $2",
                    rollout.tenant,
                    rollout.system,
                    fact.at,
                )

    async def _save_intent(self, rollout: Rollout, intent: Intent) -> None:
        await self._connection.execute(SET_EPOCH, rollout.tenant, rollout.system, rollout.environment, intent.epoch)
        await self._connection.execute(
            "UPDATE effects SET outcome = 'superseded' WHERE rollout_id = $1 AND epoch < $2 AND outcome IS NULL",
            rollout.id,
            intent.epoch,
        )
        await self._connection.execute(
            "INSERT INTO effects (rollout_id, epoch, step, token, next_try_at)"
            " VALUES ($1, $2, $3, $4, clock_timestamp()) ON CONFLICT DO NOTHING",
            rollout.id,
            intent.epoch,
            intent.step,
            POINTER.dump_json(intent.token).decode(),
        )

    async def _open_system(self, key: SystemKey) -> None:
        await self._connection.execute(
            "INSERT INTO systems (tenant, system) VALUES ($1, $2) ON CONFLICT DO NOTHING", *key
        )

    @property
    def _connection(self) -> Any:
        return self.transaction.connection
