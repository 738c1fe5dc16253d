"""References in Postgres, and those in use in memory: versions never change, so what was read once is good."""

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from flyball.schemas.drift import DriftReference
from flyball.store.postgres import PostgresTransaction
from telemetry_ingest.domain.yardsticks import Yardstick

IN_MEMORY_MAX = 256
IN_FORCE = """
SELECT n.tenant, n.system, r.version
FROM unnest($1::text[], $2::text[], $3::timestamptz[], $4::timestamptz[]) AS n (tenant, system, first, last)
CROSS JOIN LATERAL (
    (SELECT version FROM drift_references AS o
     WHERE o.tenant = n.tenant AND o.system = n.system AND o.effective_at <= n.first ORDER BY version DESC LIMIT 1)
    UNION ALL
    SELECT version FROM drift_references AS o
    WHERE o.tenant = n.tenant AND o.system = n.system AND o.effective_at > n.first AND o.effective_at <= n.last
) AS r
ORDER BY 1, 2, 3
"""
Key = tuple[str, str, int]


@dataclass(slots=True)
class Yardsticks:
    """The references used last, of one process."""

    _known: OrderedDict[Key, Yardstick] = field(default_factory=OrderedDict)

    def get(self, key: Key) -> Yardstick | None:
        found = self._known.get(key)
        if found is not None:
            self._known.move_to_end(key)
        return found

    def put(self, key: Key, yardstick: Yardstick) -> None:
        self._known[key] = yardstick
        while len(self._known) > IN_MEMORY_MAX:
            self._known.popitem(last=False)


@dataclass(frozen=True, slots=True)
class PostgresReferences:
    transaction: PostgresTransaction
    yardsticks: Yardsticks

    async def keep(self, reference: DriftReference) -> None:
        await self._connection.execute(
            "INSERT INTO drift_references VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING",
            reference.tenant,
            reference.system,
            reference.version,
            reference.effective_at,
            reference.model_dump_json(),
        )

    async def between(
        self, spans: Mapping[tuple[str, str], tuple[datetime, datetime]]
    ) -> Mapping[tuple[str, str], Sequence[Yardstick]]:
        if not spans:
            return {}
        keys = sorted(spans)
        columns = [tenant for tenant, _ in keys], [system for _, system in keys]
        times = [spans[key][0] for key in keys], [spans[key][1] for key in keys]
        found: dict[tuple[str, str], list[Yardstick]] = {}
        for row in await self._connection.fetch(IN_FORCE, *columns, *times):
            key = row["tenant"], row["system"], row["version"]
            found.setdefault(key[:2], []).append(await self._yardstick(key))
        return found

    async def _yardstick(self, key: Key) -> Yardstick:
        known = self.yardsticks.get(key)
        if known is None:
            body = await self._connection.fetchval(
                "SELECT body FROM drift_references WHERE tenant = $1 AND system = $2 AND version = $3", *key
            )
            known = Yardstick.of(DriftReference.model_validate_json(body))
            self.yardsticks.put(key, known)
        return known

    @property
    def _connection(self) -> Any:
        return self.transaction.connection
