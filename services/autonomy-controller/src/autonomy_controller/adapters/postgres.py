"""The controller's state in Postgres: a row per thing; key and what is searched for as columns, the rest as JSON."""

import secrets
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from pydantic import TypeAdapter

from autonomy_controller.adapters.rows import action_of, action_row, columns, review_row
from autonomy_controller.domain.sampling import Salt
from autonomy_controller.domain.state import Action, ClassState, Review, Standing
from autonomy_controller.ports import ClassesBySystem, Promotion, SystemKey
from flyball.schemas.registry import SystemRegistered, SystemRevision
from flyball.store.postgres import PostgresTransaction

REVISIONS = TypeAdapter(tuple[SystemRevision, ...])
SALT_BYTES = 32
WAITING = ("waiting", "approved")
SYSTEMS = "JOIN unnest($1::text[], $2::text[]) AS n (tenant, system) USING (tenant, system)"
NEW_ACTIONS = """
INSERT INTO actions
SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::boolean[],
    $8::text[], $9::timestamptz[], $10::timestamptz[], $11::json[])
ON CONFLICT DO NOTHING RETURNING action_id
"""
PUT_ACTION = "UPDATE actions SET state = $2, due_at = $3, document = $4 WHERE action_id = $1"
OUTCOMES = """
SELECT CASE r.kind WHEN 'approval' THEN 'approval' ELSE a.sample_rule END AS rule,
    count(*) FILTER (WHERE r.resolution <> 'approve') AS errors, count(*) AS judged
FROM reviews r JOIN actions a USING (action_id)
WHERE a.tenant = $1 AND a.system = $2 AND a.action_class = $3 AND a.evidence_epoch = $4 AND r.opened_at >= $5
    AND r.state IN ('resolved', 'consumed') AND (r.kind = 'audit' OR NOT a.shadow_stopped)
GROUP BY 1
"""
PUT_REVIEW = """
INSERT INTO reviews VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
ON CONFLICT (review_id) DO UPDATE SET
    state = excluded.state, resolution = excluded.resolution, look_at = excluded.look_at, document = excluded.document
"""


@dataclass(frozen=True, slots=True)
class PostgresMemory:
    transaction: PostgresTransaction
    known_salt: Salt | None = None
    """Where it is given it is not looked up: it changes by hand, with a restart."""

    async def salt(self) -> Salt:
        if self.known_salt is not None:
            return self.known_salt
        newest = "SELECT salt_id, key FROM salts ORDER BY created_at DESC, salt_id LIMIT 1"
        row = await self._connection.fetchrow(newest)
        if row is None:
            # Two replicas may both make the first one: the same id, so that one of them stands.
            first = "INSERT INTO salts VALUES ('salt-1', $1) ON CONFLICT DO NOTHING"
            await self._connection.execute(first, secrets.token_bytes(SALT_BYTES))
            row = await self._connection.fetchrow(newest)
        return Salt(row["salt_id"], row["key"])

    async def register(self, event: SystemRegistered, next_at: datetime | None) -> None:
        await self._connection.execute(
            "INSERT INTO systems VALUES ($1, $2, $3, $4) ON CONFLICT (tenant, system) DO UPDATE"
            " SET revisions = excluded.revisions, next_at = excluded.next_at",
            event.tenant,
            event.system,
            REVISIONS.dump_json(event.revisions).decode(),
            next_at,
        )

    async def systems_due(self, now: datetime, rows_max: int) -> Sequence[SystemKey]:
        rows = await self._connection.fetch(
            "SELECT tenant, system FROM systems WHERE next_at <= $1 ORDER BY tenant, system LIMIT $2 FOR UPDATE",
            now,
            rows_max,
        )
        return [(row["tenant"], row["system"]) for row in rows]

    async def note_revision(self, key: SystemKey, next_at: datetime | None) -> None:
        await self._connection.execute(
            "UPDATE systems SET next_at = $3 WHERE tenant = $1 AND system = $2", *key, next_at
        )

    async def revisions(self, key: SystemKey) -> Sequence[SystemRevision]:
        found = await self._connection.fetchval("SELECT revisions FROM systems WHERE tenant = $1 AND system = $2", *key)
        return REVISIONS.validate_json(found) if found else ()

    async def classes(self, systems: Collection[SystemKey], *, change: bool = False) -> ClassesBySystem:
        rows = await self._connection.fetch(
            f"SELECT document FROM classes {SYSTEMS} ORDER BY tenant, system, action_class"
            f" FOR {'UPDATE' if change else 'SHARE'} OF classes",
            *columns(systems),
        )
        found: dict[SystemKey, dict[str, ClassState]] = {key: {} for key in systems}
        for row in rows:
            state = ClassState.model_validate_json(row["document"])
            found[state.key[:2]][state.key[2]] = state
        return found

    async def save_classes(self, states: Sequence[ClassState]) -> None:
        if not states:
            return
        await self._connection.executemany(
            "INSERT INTO classes VALUES ($1, $2, $3, $4)"
            " ON CONFLICT (tenant, system, action_class) DO UPDATE SET document = excluded.document",
            # In the order in which they are locked: two transactions with the same new rows must not cross.
            [(*state.key, state.model_dump_json()) for state in sorted(states, key=lambda state: state.key)],
        )

    async def standings(self, systems: Collection[SystemKey], *, change: bool = False) -> Mapping[SystemKey, Standing]:
        rows = await self._connection.fetch(
            f"SELECT document FROM standings {SYSTEMS} FOR {'UPDATE' if change else 'SHARE'} OF standings",
            *columns(systems),
        )
        found = [Standing.model_validate_json(row["document"]) for row in rows]
        empty = {(tenant, system): Standing(tenant=tenant, system=system) for tenant, system in systems}
        return empty | {(standing.tenant, standing.system): standing for standing in found}

    async def save_standing(self, standing: Standing) -> None:
        await self._connection.execute(
            "INSERT INTO standings VALUES ($1, $2, $3)"
            " ON CONFLICT (tenant, system) DO UPDATE SET document = excluded.document",
            standing.tenant,
            standing.system,
            standing.model_dump_json(),
        )

    async def actions(self, ids: Collection[str]) -> dict[str, Action]:
        if not ids:
            return {}
        rows = await self._connection.fetch(
            "SELECT document FROM actions WHERE action_id = ANY($1::text[]) ORDER BY action_id FOR UPDATE", sorted(ids)
        )
        return {action.id: action for action in map(action_of, rows)}

    async def peek(self, action_id: str) -> Action | None:
        row = await self._connection.fetchrow("SELECT document FROM actions WHERE action_id = $1", action_id)
        return action_of(row) if row else None

    async def action_of_review(self, review_id: str) -> Action | None:
        row = await self._connection.fetchrow(
            "SELECT a.document FROM actions a JOIN reviews r USING (action_id) WHERE r.review_id = $1 FOR UPDATE OF a",
            review_id,
        )
        return action_of(row) if row else None

    async def add_actions(self, actions: Sequence[Action]) -> set[str]:
        # In the order of ids: two transactions that add the same ones must not wait for one another.
        ordered = [action_row(action) for action in sorted(actions, key=lambda action: action.id)]
        columns = [list(column) for column in zip(*ordered, strict=True)]
        rows = await self._connection.fetch(NEW_ACTIONS, *columns) if ordered else []
        return {row["action_id"] for row in rows}

    async def save_actions(self, actions: Sequence[Action]) -> None:
        if not actions:
            return
        changed = [(action.id, action.state, action.due_at, action.model_dump_json()) for action in actions]
        await self._connection.executemany(PUT_ACTION, changed)

    async def open_actions(self, key: SystemKey, action_class: str | None) -> Sequence[Action]:
        rows = await self._connection.fetch(
            "SELECT document FROM actions WHERE tenant = $1 AND system = $2 AND ($3::text IS NULL OR action_class = $3)"
            " AND state = ANY($4::text[]) AND due_at IS NOT NULL ORDER BY action_id FOR UPDATE",
            *key,
            action_class,
            WAITING,
        )
        return [action_of(row) for row in rows]

    async def decisions(
        self, key: SystemKey, action_class: str, epoch: str, since: datetime
    ) -> Sequence[tuple[datetime, bool]]:
        rows = await self._connection.fetch(
            "SELECT decided_at, shadow_stopped FROM actions WHERE tenant = $1 AND system = $2 AND action_class = $3"
            " AND evidence_epoch = $4 AND decided_at >= $5 ORDER BY decided_at LIMIT 100000",
            *key,
            action_class,
            epoch,
            since,
        )
        return [(row["decided_at"], row["shadow_stopped"]) for row in rows]

    async def outcomes(
        self, key: SystemKey, action_class: str, epoch: str, since: datetime
    ) -> Mapping[str, tuple[int, int]]:
        found = await self._connection.fetch(OUTCOMES, *key, action_class, epoch, since)
        return {row["rule"]: (row["errors"], row["judged"]) for row in found}

    async def reviews(self, ids: Collection[str]) -> dict[str, Review]:
        if not ids:
            return {}
        rows = await self._connection.fetch(
            "SELECT document FROM reviews WHERE review_id = ANY($1::text[]) ORDER BY review_id FOR UPDATE", sorted(ids)
        )
        found = [Review.model_validate_json(row["document"]) for row in rows]
        return {review.review_id: review for review in found}

    async def save_reviews(self, reviews: Sequence[Review]) -> None:
        if not reviews:
            return
        await self._connection.executemany(PUT_REVIEW, [review_row(review) for review in reviews])
        given = [(review.review_id, verdict.reviewer, verdict.at) for review in reviews for verdict in review.verdicts]
        if given:
            await self._connection.executemany("INSERT INTO verdicts VALUES ($1, $2, $3) ON CONFLICT DO NOTHING", given)

    async def verdicts_since(self, reviewer: str, since: datetime) -> int:
        count: int = await self._connection.fetchval(
            "SELECT count(*) FROM verdicts WHERE reviewer = $1 AND at > $2", reviewer, since
        )
        return count

    async def promotion(self, promotion_id: str) -> Promotion | None:
        found = await self._connection.fetchval(
            "SELECT document FROM promotions WHERE promotion_id = $1 FOR UPDATE", promotion_id
        )
        return Promotion.model_validate_json(found) if found else None

    async def save_promotion(self, promotion: Promotion) -> None:
        await self._connection.execute(
            "INSERT INTO promotions VALUES ($1, $2)"
            " ON CONFLICT (promotion_id) DO UPDATE SET document = excluded.document",
            promotion.promotion_id,
            promotion.model_dump_json(),
        )

    async def tick(self, now: datetime) -> datetime:
        at: datetime = await self._connection.fetchval("UPDATE clock SET at = greatest(at, $1) RETURNING at", now)
        return at

    async def beat(self, now: datetime, seconds_min: float) -> bool:
        status = await self._connection.execute(
            "UPDATE clock SET beat_at = $2 WHERE beat_at <= $1", now, now + timedelta(seconds=seconds_min)
        )
        return bool(status == "UPDATE 1")

    async def due(self, now: datetime, rows_max: int) -> tuple[Sequence[str], Sequence[tuple[str, str]]]:
        actions = await self._connection.fetch(
            "SELECT action_id FROM actions WHERE due_at <= $1 ORDER BY due_at LIMIT $2", now, rows_max
        )
        reviews = await self._connection.fetch(
            "SELECT action_id, review_id FROM reviews WHERE look_at <= $1 ORDER BY look_at LIMIT $2", now, rows_max
        )
        return [row["action_id"] for row in actions], [(row["action_id"], row["review_id"]) for row in reviews]

    @property
    def _connection(self) -> Any:
        return self.transaction.connection
