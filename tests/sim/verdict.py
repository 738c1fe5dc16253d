"""The invariants of the whole system, each checked against what the logs say."""

from collections import Counter
from collections.abc import Mapping
from itertools import pairwise

from budget_ledger.domain.entries import GENESIS_HASH, Entry, entry_hash
from flyball.bus.records import Record
from flyball.schemas.summaries import TelemetrySummary
from flyball.schemas.topics import AGENT_EVENTS, TELEMETRY_REJECTED, TELEMETRY_SUMMARIES
from flyball.sim.broker import Broker
from flyball.sim.database import MemoryDatabase
from tests.sim import recount
from tests.sim.events import MOVING, Event
from tests.sim.memory_ledger import entries_by_budget

Made = Mapping[bytes, Event | str]


def conservation(broker: Broker, totals: MemoryDatabase, made: Made) -> None:
    """Invariant 1: published = counted + duplicates + rejected, each as recounted from the log."""
    expected = recount.totals(recount.contents(broker.records(AGENT_EVENTS.name), made))
    found = {
        system: recount.Totals(row.counted + row.duplicates + row.rejected, row.counted, row.duplicates, row.rejected)
        for (_, system), row in sorted(totals.rows("totals").items())
    }
    assert found == dict(sorted(expected.items())), f"ingest counted {found}, the log says {expected}"


def summaries(broker: Broker, totals: MemoryDatabase) -> None:
    """Each summary has one content however often it was published, and their sums are the totals."""
    sums: dict[str, Counter[str]] = {}
    for record in once(broker, TELEMETRY_SUMMARIES.name):
        summary = TelemetrySummary.model_validate_json(record.value or b"")
        measured = summary.measurement
        sums.setdefault(summary.system, Counter()).update(
            counted=measured.counted, duplicates=measured.duplicates, rejected=sum(measured.rejected.values())
        )
    found = {system: (each["counted"], each["duplicates"], each["rejected"]) for system, each in sorted(sums.items())}
    rows = sorted(totals.rows("totals").items())
    expected = {system: (row.counted, row.duplicates, row.rejected) for (_, system), row in rows}
    assert found == expected, f"the summaries add up to {found}, the totals are {expected}"
    rejected = len(once(broker, TELEMETRY_REJECTED.name))
    assert rejected == sum(row.rejected for _, row in rows), f"{rejected} rejected records were published"


def joins(broker: Broker, made: Made) -> None:
    """Each judgement counts once with what it judged: labelled and calibration equal the recount of pairs."""
    found: Counter[tuple[object, ...]] = Counter()
    for record in once(broker, TELEMETRY_SUMMARIES.name):
        summary = TelemetrySummary.model_validate_json(record.value or b"")
        start = int(summary.bucket_start.timestamp())
        place = summary.system, summary.release or "", summary.segment or "", start
        found[*place, "joined"] += summary.joins.joined
        for true_class, predicted in summary.labelled.confusion.items():
            found.update({(*place, true_class, name): count for name, count in predicted.items()})
        for judge in summary.calibration:
            found[*place, judge.judge, True] += judge.right_ppm.count
            found[*place, judge.judge, False] += judge.wrong_ppm.count
    expected = recount.judged(recount.contents(broker.records(AGENT_EVENTS.name), made))
    wrong = {key: (found[key], expected[key]) for key in found | expected if found[key] != expected[key]}
    assert not wrong, f"pairs as counted and by recount: {wrong}"


def ledger(broker: Broker, database: MemoryDatabase, made: Made) -> None:
    """Accounts sum to zero and equal the recount, chains hold, and only published summaries were posted."""
    budgets = database.rows("budgets")
    found = {
        (key.system, key.dimension): {name: getattr(budget.balances, name) for name in recount.Points().accounts()}
        for key, budget in budgets.items()
    }
    assert all(sum(accounts.values()) == 0 for accounts in found.values()), f"accounts do not sum to zero: {found}"
    points = recount.points(recount.contents(broker.records(AGENT_EVENTS.name), made))
    expected = {key: budget.accounts() for key, budget in points.items()}
    judged = [key for key in found | expected if key[0] != MOVING.system]
    wrong = {key: (found.get(key), expected.get(key)) for key in judged if found.get(key) != expected.get(key)}
    assert not wrong, f"accounts in the ledger and by recount: {wrong}"
    ids = {str(record.id) for record in broker.records(TELEMETRY_SUMMARIES.name)}
    for key, entries in entries_by_budget(database.rows("entries")).items():
        _chain_holds(entries)
        assert entries[-1].hash == budgets[key].chain.hash, f"the chain of {key} does not end where its budget says"
        causes = [entry.circumstances.cause for entry in entries]
        assert set(causes) <= ids, f"{key} has entries whose cause was never published"
        runs = [cause for before, cause in pairwise(["", *causes]) if cause != before]
        assert len(runs) == len(set(runs)), f"{key} has a summary posted twice"


def same_totals(first: MemoryDatabase, again: MemoryDatabase) -> None:
    """Which copy of a duplicate on two partitions counts depends on who is read first; how many there are does not."""
    numbers = [
        {key: (row.counted, row.duplicates, row.rejected) for key, row in database.rows("totals").items()}
        for database in (first, again)
    ]
    assert numbers[0] == numbers[1], f"totals at first and read again: {numbers}"


def same_ledger(first: MemoryDatabase, again: MemoryDatabase) -> None:
    """Every budget and every entry, hashes and all."""
    for table in ("entries", "budgets", "hours", "minutes"):
        rows, rows_again = first.rows(table), again.rows(table)
        wrong = [key for key in rows | rows_again if rows.get(key) != rows_again.get(key)]
        assert not wrong, f"{table} differ when read again: {wrong[0]} {rows.get(wrong[0])} {rows_again.get(wrong[0])}"


def _chain_holds(entries: list[Entry]) -> None:
    previous = GENESIS_HASH
    for number, entry in enumerate(entries, 1):
        link = entry_hash(entry.budget, number, entry.posting, entry.circumstances, previous)
        assert (entry.sequence, entry.previous_hash, entry.hash) == (number, previous, link), f"broken at {entry}"
        previous = entry.hash


def once(broker: Broker, topic: str) -> list[Record]:
    """The first record of each id; copies must not say anything else."""
    first: dict[object, Record] = {}
    for record in broker.records(topic):
        known = first.setdefault(record.id, record)
        assert known.value == record.value, f"{topic} has two contents under the id {record.id}"
    return list(first.values())
