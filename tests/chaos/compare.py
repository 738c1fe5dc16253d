"""Holds everything that the services say against the recount."""

import base64
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from confluent_kafka import Message

from tests.chaos import books
from tests.chaos.books import Books
from tests.chaos.broker import DEAD_LETTERS, EVENTS, REJECTED, STATES, SUMMARIES, header, read_all
from tests.chaos.events import Record
from tests.chaos.fleet import Fleet, Replica
from tests.chaos.journal import Journal
from tests.chaos.points import Points, points
from tests.chaos.recount import Place, Recount, recount
from tests.chaos.summaries import Summaries, add_up


async def compare_all(journal: Journal, made: Sequence[Record], bootstrap: str, dsn: str, fleet: Fleet) -> None:
    """Add a row to the journal for everything that must be equal."""
    records, places = await _records_of_topic(journal, made, bootstrap)
    expected = recount(records, places)
    journal.compare("events that are late or not by luck", 0, expected.late_either_way)
    await compare_totals(journal, expected, dsn, fleet.of_service("telemetry-ingest"))
    summaries = add_up(await read_all(bootstrap, SUMMARIES))
    compare_summaries(journal, expected, summaries)
    await _compare_rejected(journal, records, bootstrap)
    await compare_ledger(journal, expected, dsn, fleet.of_service("budget-ledger"), summaries)
    await _compare_states(journal, bootstrap)
    for topic in DEAD_LETTERS:
        journal.compare(f"records on {topic}", 0, len(await read_all(bootstrap, topic)))


async def _records_of_topic(
    journal: Journal, made: Sequence[Record], bootstrap: str
) -> tuple[list[Record], dict[int, Place]]:
    """What stands on the topic, and where; the rest is known from publishing.

    A producer whose broker dies before it answers may append a record again, idempotent or not; then it was published
    twice, and the second is a copy as any other.
    """
    by_serial = {record.serial: record for record in made}
    records, places = list[Record](), dict[int, Place]()
    for message in await read_all(bootstrap, EVENTS):
        record = by_serial[int(header(message, "x-serial"))]
        if record.serial in places:
            journal.say(f"record {record.serial} was appended twice")
            record = replace(record, serial=-len(places))
        records.append(record)
        places[record.serial] = _place(message)
    journal.compare("different records on agent.events.v1", len(made), sum(serial >= 0 for serial in places))
    return records, places


def _place(message: Message) -> Place:
    return Place(message.partition(), message.offset(), message.timestamp()[1])


async def compare_totals(journal: Journal, expected: Recount, dsn: str, replicas: Sequence[Replica]) -> None:
    """In Postgres, and as each replica answers."""
    found = await books.read_totals(dsn)
    for system, totals in sorted(expected.totals.items()):
        counted, duplicates, rejected, late = found.pop(system, (0, 0, 0, 0))
        wanted = (totals.published, totals.counted, totals.duplicates, totals.rejected, totals.late)
        said = (counted + duplicates + rejected, counted, duplicates, rejected, late)
        journal.compare(f"{system}: published, counted, duplicates, rejected, late", wanted, said)
    journal.compare("systems nobody published for", {}, found)
    names = ("published", "counted", "duplicates", "rejected", "late")
    wanted = {name: tuple(getattr(totals, one) for one in names) for name, totals in expected.totals.items()}
    for replica in replicas:
        answer = await replica.ask("/v1/totals")
        said = {item["system"]: tuple(item[name] for name in names) for item in answer["items"]}
        journal.compare(f"totals that {replica.name} answers", "as recounted", _verdict(wanted, said))


def compare_summaries(journal: Journal, expected: Recount, found: Summaries) -> None:
    """Every number of every bucket."""
    wrong = {
        bucket: (dict(expected.buckets.get(bucket, Counter())), dict(found.buckets.get(bucket, Counter())))
        for bucket in expected.buckets.keys() | found.buckets.keys()
        if expected.buckets.get(bucket) != found.buckets.get(bucket)
    }
    journal.compare("buckets", len(expected.buckets), len(found.buckets))
    journal.compare(f"buckets that differ in {len(found.ids)} summaries", "none", _first(wrong))
    journal.compare("summaries published again otherwise", [], found.differing_copies)
    journal.say(f"{found.records - len(found.ids)} of {found.records} summary records are copies of earlier ones")


async def compare_ledger(
    journal: Journal, expected: Recount, dsn: str, replicas: Sequence[Replica], summaries: Summaries
) -> None:
    """Balances to the point, the chain, the causes, and what the replicas answer."""
    found = await books.read_books(dsn)
    wanted = points(expected.counted)
    _compare_balances(journal, wanted, found)
    check_books(journal, found, summaries)
    for replica in replicas:
        answer = await replica.ask("/v1/budgets")
        said = {
            (item["system"], budget["dimension"]): (budget["granted"], budget["burned"], budget["available"])
            for item in answer["items"]
            for budget in item["budgets"]
        }
        due = {key: (one.granted, one.burned, one.granted - one.burned) for key, one in wanted.items()}
        journal.compare(f"budgets that {replica.name} answers", "as recounted", _verdict(due, said))


def _compare_balances(journal: Journal, wanted: Mapping[tuple[str, str], Points], found: Books) -> None:
    there = {(row["system"], row["dimension"]): row for row in found.budgets}
    journal.compare("budgets", len(wanted), len(there))
    journal.compare("budgets nobody scored for", set(), there.keys() - wanted.keys())
    for (system, dimension), due in sorted(wanted.items()):
        row = there.get((system, dimension))
        balances = tuple(row[name] for name in books.ACCOUNTS) if row else ()
        sums = tuple(int(value) for value in row["sums"][:4]) if row else ()
        window = (due.granted, due.burned, due.events, due.bad)
        accounts = (-due.granted, due.granted - due.burned, due.burned, 0)
        journal.compare(f"{system} {dimension}: granted, burned, events, bad", window, sums)
        # The accounts repeat it in double entry: worth a line of the table only if they do not.
        if balances != accounts:
            journal.compare(f"{system} {dimension}: source, available, burned, expired", accounts, balances)


def check_books(journal: Journal, found: Books, summaries: Summaries) -> None:
    """What must hold of any ledger by itself."""
    journal.compare(f"broken links in {len(found.entries)} chained entries", [], books.broken_links(found))
    journal.compare("budgets whose accounts are not their entries'", [], books.wrong_balances(found))
    journal.compare("points in all accounts together", 0, _sum_of_accounts(found))
    journal.compare("postings made twice", [], books.posted_twice(found.entries))
    journal.compare("causes that are no summary", set(), books.unknown_causes(found.entries, summaries.ids))


def _sum_of_accounts(found: Books) -> int:
    return sum(row[name] for row in found.budgets for name in books.ACCOUNTS)


async def _compare_rejected(journal: Journal, records: Sequence[Record], bootstrap: str) -> None:
    """Each rejected record is there whole, once by its id."""
    found: dict[str, Any] = {}
    for message in await read_all(bootstrap, REJECTED):
        found[header(message, "ce_id")] = json.loads(message.value())
    said = Counter((item["system"], item["reason"], _bytes(item["body"])) for item in found.values())
    due = Counter((one.system, one.reason, one.body) for one in records if one.content is None)
    journal.compare("rejected records", due.total(), said.total())
    journal.compare("rejected records, whole and with their reasons", "none differs", _difference(due, said))


async def _compare_states(journal: Journal, bootstrap: str) -> None:
    """The last record of a compacted topic is what stays, so it must be the newest state of its system."""
    newest: dict[str, tuple[int, ...]] = {}
    last: dict[str, tuple[int, ...]] = {}
    for message in await read_all(bootstrap, STATES):
        states = json.loads(message.value())
        entries = tuple(one["entry"]["sequence"] if one["entry"] else 0 for one in states["budgets"])
        last[states["system"]] = entries
        newest[states["system"]] = max(newest.get(states["system"], entries), entries)
    journal.compare("newest state of each system is the last on its topic", "yes", _verdict(newest, last, "yes"))


def _bytes(text: str | None) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)) if text else b""


def _verdict(wanted: Mapping[Any, Any], found: Mapping[Any, Any], same: str = "as recounted") -> str:
    wrong = {
        key: (wanted.get(key), found.get(key))
        for key in wanted.keys() | found.keys()
        if wanted.get(key) != found.get(key)
    }
    return _first(wrong) if wrong else same


def _difference(due: Counter[Any], said: Counter[Any]) -> str:
    missing, extra = due - said, said - due
    if not missing and not extra:
        return "none differs"
    return f"{missing.total()} missing {list(missing)[:1]}, {extra.total()} extra {list(extra)[:1]}"


def _first(wrong: Mapping[Any, Any]) -> str:
    if not wrong:
        return "none"
    key = next(iter(wrong))
    return f"{len(wrong)}, first {key}: {wrong[key]}"
