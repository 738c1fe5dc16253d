"""Intents in Postgres: claimed with a lease, so that a sender that dies hands them over by itself."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from flyball.store.postgres import PostgresTransaction
from notifier.adapters import rows
from notifier.domain.inputs import DeliveryKey
from notifier.domain.notice import ALERTS_TOLD_MAX, Notice, Told
from notifier.domain.overflow import SEVERITY_MIN
from notifier.domain.policy import SLACK
from notifier.ports import Claimed

LEASE = timedelta(seconds=30)
"""Twice the longest that sending takes. After it another may send the same again, with the same key."""
OLD = timedelta(seconds=60)
AT_ONCE_MAX = 4
"""To one contact, so that one that hangs leaves room for others."""
CLAIM = """
WITH used AS (
    SELECT channel, target, count(*) FILTER (WHERE claimed_at > $1::timestamptz - interval '1 minute') AS sent,
        count(*) FILTER (WHERE leased_to > $1) AS at_once
    FROM deliveries WHERE claimed_at > $1 - interval '1 minute' GROUP BY channel, target
), ready AS (
    SELECT d.id, row_number() OVER (
        PARTITION BY channel, target ORDER BY action = 'trigger', severity, id
    ) AS place FROM deliveries d
    WHERE state = 'open' AND not_before <= $1 AND (leased_to IS NULL OR leased_to <= $1)
        AND (decided_at > $2 OR $3::bool)
        AND NOT EXISTS (
            SELECT FROM deliveries e WHERE e.tenant = d.tenant AND e.incident = d.incident AND e.epoch = d.epoch
                AND e.channel = d.channel AND e.target = d.target AND e.id < d.id AND e.step = d.step
                AND (e.state = 'open' OR e.leased_to > $1)
        )
), picked AS (
    SELECT d.id FROM ready JOIN deliveries d USING (id) LEFT JOIN used USING (channel, target)
    WHERE d.state = 'open' AND (d.leased_to IS NULL OR d.leased_to <= $1)
        AND place + coalesce(at_once, 0) <= $4 AND (d.action <> 'trigger' OR place + coalesce(sent, 0) <= $5)
    ORDER BY d.action = 'trigger', d.severity, d.id LIMIT $6 FOR UPDATE OF d SKIP LOCKED
), claimed AS (
    UPDATE deliveries SET claims = claims + 1, leased_to = $1 + $7::interval, claimed_at = $1
    FROM picked WHERE deliveries.id = picked.id RETURNING deliveries.*
)
SELECT c.tenant, c.body, c.claims, i.body AS incident, (
    SELECT t.claims FROM deliveries t WHERE t.tenant = c.tenant AND t.incident = c.incident AND t.epoch = c.epoch
        AND t.step = c.step AND t.channel = c.channel AND t.target = c.target AND t.action = 'trigger'
) AS trigger_claims FROM claimed c JOIN incidents i ON i.tenant = c.tenant AND i.id = c.incident
"""
CHILDREN = """
SELECT body, count(*) OVER () AS total FROM children WHERE tenant = $1 AND incident = $2
ORDER BY severity, fingerprint LIMIT $3
"""
OVERFLOW = """
SELECT tenant, target, body FROM (
    SELECT *, count(*) OVER (PARTITION BY channel, target) AS waiting FROM deliveries
    WHERE state = 'open' AND action = 'trigger' AND channel = $2 AND not_before <= $1
        AND (leased_to IS NULL OR leased_to <= $1)
) w WHERE waiting > $3 AND severity >= $4 AND decided_at <= $5 ORDER BY id LIMIT $6
"""
OVERFLOW_AFTER = timedelta(seconds=60)
"""By then what the contact may get in a minute was sent, and this was not among it."""
DIGEST_MAX = 1_000
RELEASE = """
UPDATE deliveries SET leased_to = NULL WHERE tenant = $1 AND incident = $2 AND epoch = $3 AND step = $4
    AND action = $5 AND channel = $6 AND target = $7 AND claims = $8
"""


@dataclass(frozen=True, slots=True)
class PostgresIntents:
    transaction: PostgresTransaction
    sends_per_minute_max: int

    async def claim(self, now: datetime, rows_max: int, *, old_too: bool) -> Sequence[Claimed]:
        limits = (AT_ONCE_MAX, self.sends_per_minute_max, rows_max)
        found = await self._connection.fetch(CLAIM, now, now - OLD, old_too, *limits, LEASE)
        return [
            Claimed(
                row["tenant"],
                rows.DELIVERY.validate_json(row["body"]),
                rows.INCIDENT.validate_json(row["incident"]),
                row["claims"],
                row["trigger_claims"] or 0,
            )
            for row in found
        ]

    async def overflow(self, now: datetime) -> Mapping[str, Sequence[Sequence[DeliveryKey]]]:
        limits = (self.sends_per_minute_max, SEVERITY_MIN, now - OVERFLOW_AFTER, DIGEST_MAX)
        # PagerDuty groups by itself, and a digest of pages would be a page that nobody can resolve.
        found = await self._connection.fetch(OVERFLOW, now, SLACK, *limits)
        by_contact: dict[tuple[str, str], list[DeliveryKey]] = {}
        for row in found:
            key = rows.DELIVERY.validate_json(row["body"]).key
            by_contact.setdefault((row["tenant"], row["target"]), []).append(key)
        together: dict[str, list[list[DeliveryKey]]] = {}
        for (tenant, _), keys in by_contact.items():
            together.setdefault(tenant, []).append(keys)
        return together

    async def notice(self, claimed: Claimed) -> Notice:
        key = claimed.delivery.key
        found = await self._connection.fetch(CHILDREN, claimed.tenant, key.incident, ALERTS_TOLD_MAX)
        known = [rows.ALERT.validate_json(row["body"]) for row in found]
        return Notice(
            claimed.tenant,
            claimed.incident,
            key.epoch,
            key.action,
            key.target,
            claimed.delivery.decided_at,
            tuple(Told(each.alert, each.firing) for each in known),
            found[0]["total"] if found else 0,
            key.step.rpartition("/")[0],
        )

    async def release(self, claimed: Claimed) -> None:
        key = claimed.delivery.key
        place = (key.incident, key.epoch, key.step, key.action, key.channel, key.target)
        await self._connection.execute(RELEASE, claimed.tenant, *place, claimed.claim)

    @property
    def _connection(self) -> Any:
        return self.transaction.connection
