"""The boards in Postgres: one row per tenant is the lock, and only what changed is written."""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, TypeVar

from flyball.store.postgres import PostgresTransaction
from notifier.adapters import rows
from notifier.domain import clocks
from notifier.domain.board import OVER, Board, Delivery, Incident, KnownAlert
from notifier.domain.facts import Outcome
from notifier.domain.inputs import Input
from notifier.domain.policy import Policy

Key = TypeVar("Key")
Value = TypeVar("Value")
PUT_ALERT = """
INSERT INTO alerts VALUES ($1, $2, $3, $4)
ON CONFLICT (tenant, fingerprint) DO UPDATE SET body = excluded.body, ended_at = excluded.ended_at
"""
PUT_GROUP = "INSERT INTO groups VALUES ($1, $2, $3) ON CONFLICT (tenant, key) DO UPDATE SET body = excluded.body"
PUT_SILENCE = """
INSERT INTO silences VALUES ($1, $2, $3, $4)
ON CONFLICT (tenant, id) DO UPDATE SET body = excluded.body, ends_at = excluded.ends_at
"""
PUT_INCIDENT = """
INSERT INTO incidents VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (tenant, id) DO UPDATE SET
    state = excluded.state, resolved_at = excluded.resolved_at, body = excluded.body, remind_at = excluded.remind_at
"""
PUT_DELIVERY = """
INSERT INTO deliveries (tenant, incident, epoch, step, action, channel, target, severity, state, decided_at,
    not_before, body) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
ON CONFLICT (tenant, incident, epoch, step, action, channel, target) DO UPDATE
    SET state = excluded.state, not_before = excluded.not_before, body = excluded.body
"""
PUT_CHILD = """
INSERT INTO children VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (tenant, incident, fingerprint) DO UPDATE SET severity = excluded.severity, body = excluded.body
"""
AWAKE = """
SELECT id, body FROM incidents WHERE tenant = $1
    AND (NOT state = ANY($2) OR resolved_at >= $3 OR id = ANY($4)) ORDER BY detected_at, id
"""


@dataclass(slots=True)
class PostgresBoards:
    transaction: PostgresTransaction
    policy: Policy
    _before: dict[str, Board] = field(default_factory=dict)

    async def load(self, tenant: str, incidents: Collection[str]) -> Board:
        await self._connection.execute(
            "INSERT INTO boards VALUES ($1, 0, NULL, '{}', NULL, '{}', NULL) ON CONFLICT DO NOTHING", tenant
        )
        row = await self._connection.fetchrow("SELECT * FROM boards WHERE tenant = $1 FOR UPDATE", tenant)
        recent = (row["now"] or datetime.max.replace(tzinfo=UTC)) - self.policy.refire
        alerts = await self._alerts(tenant, recent)
        awake = {*incidents, *(each.refires for each in alerts.values() if each.refires)}
        board = Board(
            tenant,
            sequence=row["sequence"],
            now=row["now"],
            new_groups=tuple(row["new_groups"]),
            storm_key=row["storm_key"],
            failing={contact: datetime.fromisoformat(since) for contact, since in json.loads(row["failing"]).items()},
            alerts=alerts,
            groups=await self._all("SELECT key, body FROM groups WHERE tenant = $1 ORDER BY key", rows.GROUP, tenant),
            silences=await self._silences(tenant, row["now"]),
            incidents=await self._all(AWAKE, rows.INCIDENT, tenant, sorted(OVER), recent, sorted(awake)),
        )
        await self._load_deliveries(board)
        self._before[tenant] = _copied(board)
        return board

    async def save(self, board: Board, inputs: Sequence[Input], outcome: Outcome) -> None:
        before = self._before.pop(board.tenant)
        await self._save_inputs(board, before.sequence, inputs)
        await self._save_alerts(board, before)
        await self._save_groups(board, before)
        await self._save_silences(board, before)
        await self._many(PUT_INCIDENT, [_incident_row(board, new) for new in _new(board.incidents, before.incidents)])
        await self._many(PUT_DELIVERY, [_delivery_row(board, new) for new in _new(board.deliveries, before.deliveries)])
        await self._save_outcome(board, outcome)
        await self._connection.execute(
            "UPDATE boards SET sequence = $2, now = $3, new_groups = $4, storm_key = $5, failing = $6, due_at = $7"
            " WHERE tenant = $1",
            board.tenant,
            board.sequence,
            board.now,
            list(board.new_groups),
            board.storm_key,
            json.dumps({contact: since.isoformat() for contact, since in board.failing.items()}),
            board.soonest,
        )

    async def _alerts(self, tenant: str, recent: datetime) -> dict[str, KnownAlert]:
        # What ended longer ago than the time to re-fire says nothing any more.
        await self._connection.execute("DELETE FROM alerts WHERE tenant = $1 AND ended_at < $2", tenant, recent)
        return await self._all(
            "SELECT fingerprint, body FROM alerts WHERE tenant = $1 ORDER BY added", rows.ALERT, tenant
        )

    async def _silences(self, tenant: str, now: datetime | None) -> dict[str, Any]:
        await self._connection.execute("DELETE FROM silences WHERE tenant = $1 AND ends_at <= $2", tenant, now)
        return await self._all("SELECT id, body FROM silences WHERE tenant = $1 ORDER BY id", rows.SILENCE, tenant)

    async def _load_deliveries(self, board: Board) -> None:
        found = await self._connection.fetch(
            "SELECT body FROM deliveries WHERE tenant = $1 AND incident = ANY($2) ORDER BY id",
            board.tenant,
            list(board.incidents),
        )
        for row in found:
            board.put_delivery(rows.DELIVERY.validate_json(row["body"]))

    async def _save_inputs(self, board: Board, since: int, inputs: Sequence[Input]) -> None:
        await self._connection.copy_records_to_table(
            "inputs",
            records=[
                (board.tenant, since + number, given.at, rows.text(rows.INPUT, given))
                for number, given in enumerate(inputs, 1)
            ],
        )

    async def _save_alerts(self, board: Board, before: Board) -> None:
        put = [
            (board.tenant, new.alert.fingerprint, rows.text(rows.ALERT, new), new.ended_at)
            for new in _new(board.alerts, before.alerts)
        ]
        await self._many(PUT_ALERT, put)
        await self._drop("alerts", "fingerprint", board.tenant, before.alerts.keys() - board.alerts.keys())

    async def _save_groups(self, board: Board, before: Board) -> None:
        put = [(board.tenant, new.key, rows.text(rows.GROUP, new)) for new in _new(board.groups, before.groups)]
        await self._many(PUT_GROUP, put)
        await self._drop("groups", "key", board.tenant, before.groups.keys() - board.groups.keys())

    async def _save_silences(self, board: Board, before: Board) -> None:
        put = [
            (board.tenant, new.id, rows.text(rows.SILENCE, new), new.ends_at)
            for new in _new(board.silences, before.silences)
        ]
        await self._many(PUT_SILENCE, put)
        await self._drop("silences", "id", board.tenant, before.silences.keys() - board.silences.keys())

    async def _save_outcome(self, board: Board, outcome: Outcome) -> None:
        children = {(child.incident, child.known.alert.fingerprint): child.known for child in outcome.children}
        await self._many(
            PUT_CHILD,
            [
                (board.tenant, *key, known.alert.severity, rows.text(rows.ALERT, known))
                for key, known in children.items()
            ],
        )
        await self._connection.copy_records_to_table(
            "timeline",
            columns=("tenant", "incident", "at", "kind", "actor", "text"),
            records=[(board.tenant, n.incident, n.at, n.kind, n.actor, n.text) for n in outcome.notes],
        )

    async def _drop(self, table: str, column: str, tenant: str, keys: Collection[str]) -> None:
        if keys:
            await self._connection.execute(
                f"DELETE FROM {table} WHERE tenant = $1 AND {column} = ANY($2)", tenant, sorted(keys)
            )

    async def _many(self, sql: str, values: Sequence[tuple[Any, ...]]) -> None:
        if values:
            await self._connection.executemany(sql, values)

    async def _all(self, sql: str, adapter: Any, *arguments: Any) -> dict[str, Any]:
        return {row[0]: adapter.validate_json(row[1]) for row in await self._connection.fetch(sql, *arguments)}

    @property
    def _connection(self) -> Any:
        return self.transaction.connection


def _copied(board: Board) -> Board:
    return Board(
        board.tenant,
        sequence=board.sequence,
        alerts=dict(board.alerts),
        groups=dict(board.groups),
        silences=dict(board.silences),
        incidents=dict(board.incidents),
        deliveries=dict(board.deliveries),
    )


def _new(after: Mapping[Key, Value], before: Mapping[Key, Value]) -> list[Value]:
    return [value for key, value in after.items() if value is not before.get(key)]


def _incident_row(board: Board, new: Incident) -> tuple[Any, ...]:
    place = (board.tenant, new.id, new.state, new.detected_at, new.resolved_at)
    return *place, rows.text(rows.INCIDENT, new), clocks.next_reminder(new)


def _delivery_row(board: Board, new: Delivery) -> tuple[Any, ...]:
    key = new.key
    place = (key.incident, key.epoch, key.step, key.action, key.channel, key.target)
    return (
        board.tenant,
        *place,
        new.severity,
        new.state,
        new.decided_at,
        new.not_before,
        rows.text(rows.DELIVERY, new),
    )
