"""Holds actions, people's verdicts, pages and the audit chain against what the tests did and saw themselves."""

import json
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from tests.chaos import books
from tests.chaos.broker import header, read_all
from tests.chaos.fleet import Replica
from tests.chaos.journal import Journal
from tests.chaos.loop.agents import ACTIONS, Agents
from tests.chaos.loop.pages import PAGING_SEVERITY_MAX, Providers, Trouble, repeated
from tests.chaos.loop.people import People
from tests.chaos.loop.wishes import Wish

DECISIONS, LEVELS, AUDIT = "agent.decisions.v1", "autonomy.levels.v1", "audit.records.v1"


async def compare_actions(
    journal: Journal, bootstrap: str, dsn: str, wishes: Sequence[Wish], agents: Agents, people: People
) -> None:
    """One decision, one end, at most one start for each action; and what people said is what happened."""
    wanted = {wish.action_id for wish in wishes if wish.action_id}
    said = await _facts(bootstrap)
    for kind in ("decided", "ended"):
        journal.compare(f"actions {kind}", len(wanted), len(wanted & said[kind].keys()))
        journal.compare(f"actions {kind} more than once", 0, sum(len(ids) > 1 for ids in said[kind].values()))
    broken = sum(wish.action_id is None for wish in wishes)
    buried = {header(message, "ce_id") for message in await read_all(bootstrap, f"{ACTIONS}.dlq")}
    journal.compare("unreadable requests in dead letters", broken, len(buried))
    states = await _states(dsn)
    journal.compare("actions that two workers were told to run", 0, sum(count > 1 for count in agents.wins.values()))
    ran = {action_id for action_id, count in agents.wins.items() if count}
    journal.compare("actions that were run and did not end as executed", set(), ran - states["executed"])
    reported = {action_id for action_id, end in agents.reported.items() if end == "executed"}
    journal.compare("executed without any report", set(), states["executed"] - reported)
    journal.compare("expired", set(), states["expired"])
    await _compare_verdicts(journal, dsn, people, states)


async def _facts(bootstrap: str) -> dict[str, defaultdict[str, set[str]]]:
    """Ids of the different facts by kind and action. The same fact may be on the topic twice: readers know its id."""
    found: dict[str, defaultdict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    for message in await read_all(bootstrap, DECISIONS):
        fact = json.loads(message.value())
        found[fact["kind"]][fact["action_id"]].add(header(message, "ce_id"))
    return found


async def _states(dsn: str) -> defaultdict[str, set[str]]:
    async with books.connected(dsn) as connection:
        rows = await connection.fetch("SELECT action_id, state FROM autonomy_controller.actions")
    found: defaultdict[str, set[str]] = defaultdict(set)
    for row in rows:
        found[row["state"]].add(row["action_id"])
    return found


async def _compare_verdicts(journal: Journal, dsn: str, people: People, states: Mapping[str, set[str]]) -> None:
    async with books.connected(dsn) as connection:
        rows = await connection.fetch(
            "SELECT review_id, action_id, resolution, count(reviewer) AS verdicts FROM autonomy_controller.reviews"
            " LEFT JOIN autonomy_controller.verdicts USING (review_id) WHERE kind = 'approval'"
            " GROUP BY review_id, action_id, resolution"
        )
    resolutions = {row["review_id"]: row["resolution"] for row in rows}
    journal.compare("reviews with more than one verdict", 0, sum(row["verdicts"] > 1 for row in rows))
    journal.compare(
        "reviews that two people were told they decided", 0, sum(len(v) > 1 for v in people.accepted.values())
    )
    contradicted = {id_ for id_, taken in people.accepted.items() if taken != [resolutions.get(id_)]}
    journal.compare("verdicts that were taken and do not stand", set(), contradicted)
    refused = {row["action_id"] for row in rows if row["resolution"] == "reject"}
    journal.compare("refused and not denied", set(), refused - states["denied"])


async def compare_pages(
    journal: Journal, dsn: str, troubles: Sequence[Trouble], providers: Providers, deaths: int
) -> None:
    """One page an epoch, and its end."""
    async with books.connected(dsn) as connection:
        rows = await connection.fetch("SELECT * FROM notifier.deliveries ORDER BY id")
        incidents = await connection.fetch("SELECT id, state, body FROM notifier.incidents")
    states = Counter(row["state"] for row in rows)
    journal.compare("deliveries that were given up", 0, states["dead"])
    paged = {_key(row) for row in rows if _is(row, "trigger") and row["state"] == "delivered"}
    journal.compare("dedup keys that PagerDuty got are those with a receipt", paged, providers.keys("trigger") & paged)
    journal.compare("dedup keys that nobody decided on", set(), providers.keys("trigger") - {_key(row) for row in rows})
    journal.compare("pages decided twice for an epoch", 0, _twice(rows))
    over = {row["id"] for row in incidents if row["state"] == "resolved"}
    ended = {key for key in paged if key.split("/")[2] in over and _is_last(key, incidents)}
    journal.compare("pages whose end was not told", set(), ended - providers.keys("resolve"))
    told = {name for row in incidents for name in json.loads(row["body"])["fingerprints"]}
    due = {f"{trouble.system}/trouble" for trouble in troubles if trouble.severity <= PAGING_SEVERITY_MAX}
    journal.say(f"{len(paged)} pages, {len(told & due)} of {len(due)} grave troubles became incidents")
    journal.compare("messages that Slack got twice, beyond one a death", 0, max(0, repeated(providers.slack) - deaths))


def _is(row: Mapping[str, Any], action: str) -> bool:
    return bool(row["channel"] == "pagerduty" and row["action"] == action)


def _key(row: Mapping[str, Any]) -> str:
    return f"flyball/{row['tenant']}/{row['incident']}/{row['epoch']}"


def _twice(rows: Sequence[Mapping[str, Any]]) -> int:
    times = Counter((_key(row), row["step"]) for row in rows if _is(row, "trigger"))
    return sum(count > 1 for count in times.values())


def _is_last(key: str, incidents: Sequence[Mapping[str, Any]]) -> bool:
    """Whether this is the epoch in which its incident ended."""
    _, _, incident, epoch = key.split("/")
    return any(row["id"] == incident and json.loads(row["body"])["epoch"] == int(epoch) for row in incidents)


async def compare_audit(
    journal: Journal, bootstrap: str, auditor: Replica, wishes: Sequence[Wish], troubles: Sequence[Trouble]
) -> None:
    """The chain is whole, holds each record once, and has a record of every decision: also of those not to page."""
    verdict = await auditor.ask("/v1/audit/verification")
    journal.compare("the audit chain is intact", True, verdict["intact"])
    records = {header(message, "ce_id"): message for message in await read_all(bootstrap, AUDIT)}
    journal.compare("audit records are links of it", len(records), verdict["links"])
    told = [json.loads(message.value()) for message in records.values()]
    decided = {record["subject"] for record in told if record["kind"] == "autonomy.decision"}
    wanted = {wish.action_id for wish in wishes if wish.action_id}
    journal.compare("decisions without an audit record", set(), wanted - decided)
    judged = {record["system"] for record in told if record["kind"] == "notify.page"}
    journal.compare("troubles that nobody decided on", set(), {trouble.system for trouble in troubles} - judged)
    journal.say(f"{len(told)} audit records: {dict(Counter(record['kind'] for record in told))}")


async def compare_levels(journal: Journal, bootstrap: str, dsn: str) -> None:
    """What agents read of their levels is what the controller holds."""
    async with books.connected(dsn) as connection:
        rows = await connection.fetch("SELECT * FROM autonomy_controller.classes")
    held = {f"{row['tenant']}/{row['system']}/{row['action_class']}": _control(row) for row in rows}
    last: dict[str, Any] = {}
    for message in await read_all(bootstrap, LEVELS):
        told = json.loads(message.value())
        key = message.key().decode()
        # By its time, as agents do: a relay frozen while it publishes may put an old record last.
        if told["kind"] == "level" and told["changed_at"] >= last.get(key, told)["changed_at"]:
            last[key] = told
    differ = {key for key in held.keys() | last.keys() if held.get(key) != last.get(key)}
    journal.compare("levels whose newest record is not what holds", set(), differ)


def _control(row: Mapping[str, Any]) -> Any:
    return json.loads(row["document"])["control"]
