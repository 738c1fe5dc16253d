"""Feeds in Postgres, and those in use in memory.

A feed changes with the records of its partition alone, so what this process left at an offset is what the next batch
finds there, if it begins at that offset. Otherwise somebody else had the partition, or a commit failed, and the rows
are read again. The one thing that changes by other ways is a quarantine, and that is always read.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from flyball.schemas.registry import SystemRegistered
from flyball.store.postgres import PostgresTransaction
from telemetry_ingest.domain.feeds.feed import Feed
from telemetry_ingest.domain.feeds.prices import ListPrice
from telemetry_ingest.domain.feeds.rules import NOT_DECLARED, REVISIONS, Declaration, revisions_of
from telemetry_ingest.domain.feeds.state import APART, QUARANTINE, TOLD, WINDOWS, FeedState, Quarantine
from telemetry_ingest.ports import Place, SystemKey

FEEDS_MAX = 4_096
LABEL_VALUES_MAX = 50_000
"""With their combinations, of the feeds of one partition, some 5 MB; one with more is read again for each batch."""
DECLARE = """
INSERT INTO declarations VALUES ($1, $2, $3, $4)
ON CONFLICT (tenant, system) DO UPDATE SET newest = excluded.newest, body = excluded.body
WHERE excluded.newest >= declarations.newest
"""
NEWEST = """
SELECT tenant, system, newest FROM unnest($1::text[], $2::text[]) AS n (tenant, system)
JOIN declarations USING (tenant, system)
"""
READ = """
SELECT tenant, system, apart, told, windows, quarantine, released_ms
FROM unnest($3::text[], $4::text[]) AS n (tenant, system) JOIN feeds USING (tenant, system)
WHERE topic = $1 AND partition = $2
"""
READ_QUARANTINES = """
SELECT tenant, system, released_ms FROM feeds
WHERE topic = $1 AND partition = $2 AND quarantine IS NOT NULL
    AND (tenant, system) IN (SELECT * FROM unnest($3::text[], $4::text[]))
ORDER BY tenant, system FOR UPDATE
"""
SAVE = """
INSERT INTO feeds AS f (topic, partition, tenant, system, apart, told, windows, quarantine, released_ms)
VALUES ($1, $2, $3, $4, coalesce($5::json, '{}'), coalesce($6::json, '{}'), coalesce($7::json, '{}'), $8, $9)
ON CONFLICT (topic, partition, tenant, system) DO UPDATE SET
    apart = coalesce($5::json, f.apart),
    told = coalesce($6::json, f.told),
    windows = coalesce($7::json, f.windows),
    quarantine = $8,
    released_ms = $9
"""
LOCK = """
SELECT quarantine FROM feeds
WHERE tenant = $1 AND system = $2 AND quarantine IS NOT NULL AND released_ms IS NULL
ORDER BY topic, partition FOR UPDATE
"""
RELEASE = """
UPDATE feeds SET released_ms = $3
WHERE tenant = $1 AND system = $2 AND quarantine IS NOT NULL AND released_ms IS NULL
"""
Partition = tuple[str, int]


@dataclass(slots=True)
class FeedMemory:
    """The feeds and declarations of one process."""

    list_price: ListPrice
    declarations: dict[SystemKey, Declaration] = field(default_factory=dict)
    _feeds: dict[Partition, tuple[int, dict[SystemKey, Feed]]] = field(default_factory=dict)
    _in_hand: dict[Partition, dict[SystemKey, Feed]] = field(default_factory=dict)

    def take(self, place: Place) -> dict[SystemKey, Feed]:
        """What was left at this place. It is put back when the batch has ended well, and not before."""
        partition = place.topic, place.partition
        offset, feeds = self._feeds.pop(partition, (-1, {}))
        taken = self._in_hand[partition] = feeds if offset == place.offset else {}
        return taken

    def put(self, place: Place) -> None:
        partition = place.topic, place.partition
        feeds = self._in_hand.pop(partition, {})
        if _values(feeds.values()) <= LABEL_VALUES_MAX and len(feeds) <= FEEDS_MAX:
            self._feeds[partition] = place.offset, feeds
        while sum(len(held) for _, held in self._feeds.values()) > FEEDS_MAX:
            self._feeds.pop(next(iter(self._feeds)))


def _values(feeds: Iterable[Feed]) -> int:
    return sum(sum(map(len, feed.labels.known.values())) + len(feed.labels.segments) for feed in feeds)


@dataclass(frozen=True, slots=True)
class PostgresFeeds:
    transaction: PostgresTransaction
    memory: FeedMemory

    async def declare(self, registered: SystemRegistered) -> None:
        revisions = revisions_of(registered)
        newest = max(one.version for one in revisions)
        body = REVISIONS.dump_json(revisions).decode()
        await self._connection.execute(DECLARE, registered.tenant, registered.system, newest, body)

    async def open(self, place: Place, systems: Collection[SystemKey]) -> Mapping[SystemKey, Feed]:
        feeds = self.memory.take(place)
        unknown = [key for key in systems if key not in feeds]
        if unknown:
            feeds.update(await self._read(place, unknown))
        await self._note_releases(place, {key: feeds[key] for key in systems if not feeds[key].trust.holds})
        declared = await self._declarations(systems)
        for key in systems:
            feeds[key].declaration = declared.get(key, NOT_DECLARED)
        return {key: feeds[key] for key in systems}

    async def save(self, feeds: Mapping[SystemKey, Feed], place: Place) -> None:
        changed = [(key, feed) for key, feed in sorted(feeds.items()) if feed.has_changed]
        if changed:
            await self._connection.executemany(SAVE, [_row(place, key, feed) for key, feed in changed])
        for feed in feeds.values():
            feed.kept()
        self.memory.put(place)

    async def lock(self, key: SystemKey) -> Sequence[Quarantine]:
        rows = await self._connection.fetch(LOCK, *key)
        found = [QUARANTINE.validate_json(row["quarantine"]) for row in rows]
        return sorted(found, key=lambda one: one.since_ms)

    async def release(self, key: SystemKey, released_ms: int) -> None:
        await self._connection.execute(RELEASE, *key, released_ms)

    async def _read(self, place: Place, systems: Sequence[SystemKey]) -> dict[SystemKey, Feed]:
        rows = await self._connection.fetch(READ, place.topic, place.partition, *_columns(systems))
        states = {(row["tenant"], row["system"]): _state(row) for row in rows}
        price = self.memory.list_price
        return {key: Feed(price, states[key]) if key in states else Feed(price) for key in systems}

    async def _note_releases(self, place: Place, held: Mapping[SystemKey, Feed]) -> None:
        """Under a lock: whoever releases one of them now waits, and means later records."""
        if not held:
            return
        rows = await self._connection.fetch(READ_QUARANTINES, place.topic, place.partition, *_columns(sorted(held)))
        for row in rows:
            held[row["tenant"], row["system"]].trust.released_ms = row["released_ms"]

    async def _declarations(self, systems: Collection[SystemKey]) -> dict[SystemKey, Declaration]:
        rows = await self._connection.fetch(NEWEST, *_columns(systems))
        known = self.memory.declarations
        found: dict[SystemKey, Declaration] = {}
        for row in rows:
            key = row["tenant"], row["system"]
            if key not in known or known[key].newest != row["newest"]:
                body = await self._connection.fetchval(
                    "SELECT body FROM declarations WHERE tenant = $1 AND system = $2", *key
                )
                if len(known) >= FEEDS_MAX:
                    known.clear()
                known[key] = Declaration(REVISIONS.validate_json(body))
            found[key] = known[key]
        return found

    @property
    def _connection(self) -> Any:
        return self.transaction.connection


def _columns(systems: Collection[SystemKey]) -> tuple[list[str], list[str]]:
    return [tenant for tenant, _ in systems], [system for _, system in systems]


def _state(row: Mapping[str, Any]) -> FeedState:
    quarantine = row["quarantine"]
    return FeedState(
        apart=APART.validate_json(row["apart"]),
        told=TOLD.validate_json(row["told"]),
        windows=WINDOWS.validate_json(row["windows"]),
        quarantine=QUARANTINE.validate_json(quarantine) if quarantine else None,
        released_ms=row["released_ms"],
    )


def _row(place: Place, key: SystemKey, feed: Feed) -> tuple[Any, ...]:
    """Parts that have not changed are None, and stay as they are."""
    trust, quarantine = feed.trust, feed.trust.quarantine
    return (
        place.topic,
        place.partition,
        *key,
        APART.dump_json(feed.apart).decode() if feed.apart_has_changed else None,
        TOLD.dump_json(feed.told.told).decode() if feed.told.have_changed else None,
        WINDOWS.dump_json(trust.windows).decode() if trust.windows_have_changed else None,
        QUARANTINE.dump_json(quarantine).decode() if quarantine else None,
        trust.released_ms,
    )
