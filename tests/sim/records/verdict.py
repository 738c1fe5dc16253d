"""What must hold of drift-detector and audit-log, judged by the topics and by their tables."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any
from uuid import UUID

from audit_log.domain.chain import Link
from audit_log.domain.verify import verify
from drift_detector.adapters.postgres import Plans
from drift_detector.adapters.rows import arrays_of, head_of
from drift_detector.messages import PUBLISHES
from drift_detector.service import DriftDetector, wiring
from flyball.bus.records import Batch, Record
from flyball.observe.metrics import Metrics
from flyball.schemas.topics import ALERTS, AUDIT_RECORDS, DRIFT_REFERENCES, DRIFT_REPORTS, REGISTRY_SYSTEMS
from flyball.schemas.topics import TELEMETRY_SUMMARIES as SUMMARIES
from flyball.sim.database import MemoryDatabase
from flyball.sim.transaction import OUTBOX, MemoryTransaction
from tests.sim.records.memory import MemorySystems
from tests.sim.records.volume import SIGNER

if TYPE_CHECKING:
    from tests.sim.records.world import Site

DETECTOR = ("ce_source", b"/flyball/drift-detector")
BATCH_RECORDS = (10, 80)
"""Fewer and larger ones than in the run."""
Told = dict[UUID, bytes | None]


async def drift(site: "Site") -> None:
    """What was told, and what is known, is what one undisturbed detector makes of the same logs."""
    alone = await _undisturbed(site)
    expected = [entry.message for _, entry in sorted(alone.rows(OUTBOX).items())]
    for topic in PUBLISHES:
        wanted = {_id(message.headers): message.body for message in expected if message.topic == topic.name}
        told = _told(site, topic.name)
        assert told == wanted, f"{topic.name}: {_difference(told, wanted)}"
    for topic in (DRIFT_REPORTS, ALERTS):
        order = [_id(message.headers) for message in expected if message.topic == topic.name]
        assert _ordered(site, topic.name, order), f"{topic.name} is not in the order of what it tells"
    _one_alert_each(site)
    assert _known(site.drift) == _known(alone), "what is known of the systems differs"


def chains(site: "Site") -> None:
    """Each record is in its tenant's chain once, in the order of its log."""
    links = _chains(site)
    for tenant, chain in links.items():
        found = verify(tenant, chain, (), lambda _: True).findings
        assert not found, f"the chain of {tenant}: {found}"
        assert site.audit.rows("heads")[tenant] == chain[-1].head
    kept = [(tenant, link.content["event"]["id"]) for tenant, chain in links.items() for link in chain]
    places = {identity: place for place, (_, identity) in enumerate(kept)}
    assert len(places) == len(kept), f"{len(kept) - len(places)} records are in a chain twice"
    recorded = _recorded(site)
    assert set(kept) == {(event.tenant, str(identity)) for identity, event, _ in recorded}, "not what was recorded"
    _as_recorded(links, {str(identity): (event, record) for identity, event, record in recorded})
    _in_order(recorded, places)


def checkpoints(site: "Site") -> None:
    """Each is signed and says what its chain has at that place, so no two contradict each other; none is ahead."""
    links, kept = _chains(site), site.volume.checkpoints()
    for tenant, chain in links.items():
        found = verify(tenant, chain, [one for one in kept if one.tenant == tenant], SIGNER.is_genuine).findings
        assert not found, f"the checkpoints of {tenant}: {found}"
    for one in kept:
        link = links[one.tenant][one.sequence - 1]
        assert one.hash == link.hash, f"{one} is of another chain"
        assert one.at >= link.content["ts"], f"{one} is older than what it signs"


def _chains(site: "Site") -> dict[str, list[Link]]:
    links: dict[str, list[Link]] = defaultdict(list)
    for (tenant, _), link in sorted(site.audit.rows("links").items()):
        links[tenant].append(link)
    return links


async def _undisturbed(site: "Site") -> MemoryDatabase:
    """One detector without company, on a database of its own. Of references it is told those that people made."""
    random, database = site.world.stream("undisturbed"), MemoryDatabase(site.world, "undisturbed-db")
    service: DriftDetector[MemoryTransaction] = DriftDetector(
        partial(MemorySystems, plans=Plans()), Metrics("drift-detector")
    )
    handle = {one.topic.name: one.handle for one in wiring(service).subscriptions}
    for topic, records in _inputs(site):
        at = 0
        while at < len(records):
            batch = records[at : at + random.randint(*BATCH_RECORDS)]
            async with database.transaction() as transaction:
                await handle[topic](transaction, [Batch(topic, batch[0].partition, batch[0].offset, batch)])
            at += len(batch)
    return database


def _inputs(site: "Site") -> Iterator[tuple[str, Sequence[Record]]]:
    for topic in (REGISTRY_SYSTEMS.name, DRIFT_REFERENCES.name, SUMMARIES.name):
        for log in site.broker.partitions(topic):
            yield topic, [one for one in log.records if topic != DRIFT_REFERENCES.name or _is_of_a_person(one)]


def _told(site: "Site", topic: str) -> Told:
    """What drift-detector said by itself, each once; two contents under one id are one too many."""
    told: Told = {}
    for record in site.broker.records(topic):
        if DETECTOR in record.headers and not _is_of_a_person(record):
            assert told.setdefault(record.id, record.value) == record.value, f"{topic}: two contents of {record.id}"
    return told


def _is_of_a_person(record: Record) -> bool:
    value = record.value or b""
    return b'"author":"user:' in value or b'"actor":"user:' in value


def _ordered(site: "Site", topic: str, order: Sequence[UUID]) -> bool:
    """Is what is told of each system told in this order?"""
    place = {identity: number for number, identity in enumerate(order)}
    by_key: dict[bytes | None, list[int]] = defaultdict(list)
    for record in _firsts(site, topic):
        by_key[record.key].append(place[record.id])
    return all(places == sorted(places) for places in by_key.values())


def _one_alert_each(site: "Site") -> None:
    """An episode has one alert: it has one beginning, and at most one end."""
    beginnings: dict[object, set[object]] = defaultdict(set)
    ends: dict[object, set[UUID]] = defaultdict(set)
    for record in site.broker.records(ALERTS.name):
        alert: Any = ALERTS.adapter.validate_json(record.value or b"")
        key = (alert.fingerprint, alert.labels["episode"])
        beginnings[key].add(alert.started_at)
        if alert.status == "resolved":
            ends[key].add(record.id)
    assert all(len(started) == 1 for started in beginnings.values()), f"more than one alert: {beginnings}"
    assert all(len(ended) == 1 for ended in ends.values()), f"more than one end: {ends}"


def _known(database: MemoryDatabase) -> dict[str, Any]:
    """Tables as values that can be compared."""
    systems = database.rows("systems")
    return {
        "systems": {key: (row[0], head_of(row[1]), arrays_of(row[1])) for key, row in systems.items()},
        "panes": [(system, pane.start, pane.cells.tobytes()) for system, pane in _in_turn(database, "panes")],
        "first rows": _in_turn(database, "first_rows"),
        "reports": _in_turn(database, "reports"),
        "references": database.rows("drift_references"),
    }


def _in_turn(database: MemoryDatabase, table: str) -> list[tuple[Any, Any]]:
    """Rows of each system as they came; their numbers say nothing else."""
    return [(key[:2], row) for key, row in sorted(database.rows(table).items(), key=lambda entry: entry[0])]


def _recorded(site: "Site") -> list[tuple[UUID, Any, Record]]:
    """Each record of the topic with what it says."""
    return [
        (one.id, AUDIT_RECORDS.adapter.validate_json(one.value or b""), one)
        for one in _firsts(site, AUDIT_RECORDS.name)
    ]


def _firsts(site: "Site", topic: str) -> list[Record]:
    """Each record once, at its first place, in the order of its log."""
    first: dict[UUID, Record] = {}
    for record in site.broker.records(topic):
        first.setdefault(record.id, record)
    return list(first.values())


def _as_recorded(links: dict[str, list[Link]], recorded: dict[str, tuple[Any, Record]]) -> None:
    for link in (link for chain in links.values() for link in chain):
        content = link.content
        event, record = recorded[content["event"]["id"]]
        assert content["event"] == {"id": str(record.id), **event.model_dump(mode="json")}
        assert content["ts"] == record.recorded_at.isoformat()


def _in_order(recorded: Sequence[tuple[UUID, Any, Record]], places: dict[str, int]) -> None:
    by_log: dict[tuple[str, int], list[int]] = defaultdict(list)
    for identity, event, record in recorded:
        by_log[event.tenant, record.partition].append(places[str(identity)])
    for log, found in by_log.items():
        assert found == sorted(found), f"the chain has records of {log} in another order"


def _id(headers: Sequence[tuple[str, bytes]]) -> UUID:
    return UUID(dict(headers)["ce_id"].decode())


def _difference(told: Told, wanted: Told) -> str:
    missing, more = len(wanted.keys() - told.keys()), len(told.keys() - wanted.keys())
    other = sum(told[key] != wanted[key] for key in told.keys() & wanted.keys())
    return f"{missing} of {len(wanted)} were not told, {more} are invented, {other} say something else"
