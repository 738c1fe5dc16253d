"""What must hold of console: its tables are a recount of the topics, and whoever watches has seen all of it."""

from collections import defaultdict
from collections.abc import Callable, Hashable, Sequence
from typing import TYPE_CHECKING, Any
from uuid import UUID

from flyball.schemas.autonomy import LevelSet
from flyball.schemas.topics import (
    AUTONOMY_LEVELS,
    BUDGET_STATES,
    DRIFT_REFERENCES,
    DRIFT_REPORTS,
    INCIDENTS,
    REGISTRY_SYSTEMS,
    REVIEWS,
    ROLLOUTS,
    TELEMETRY_REJECTED,
    Topic,
)
from tests.sim.projections.memory import REJECTED_MAX, REPORTS_MAX, VERSIONS_MAX
from tests.sim.projections.watching import SHOWN

if TYPE_CHECKING:
    from tests.sim.projections.world import Site

Told = tuple[UUID, Any]


def kept(site: "Site") -> None:
    """Of each system, or feature, the last that were told for the first time; of references the newest versions."""
    rejected = _grouped(site, TELEMETRY_REJECTED, lambda event: (event.tenant, event.system))
    _same(_numbered(site, "rejected"), {owner: told[-REJECTED_MAX:] for owner, told in rejected.items()}, "rejected")
    reports = _grouped(site, DRIFT_REPORTS, lambda event: (event.tenant, event.system, event.feature))
    _same(_numbered(site, "drift_reports"), {owner: told[-REPORTS_MAX:] for owner, told in reports.items()}, "reports")
    states = _grouped(site, BUDGET_STATES, lambda event: (event.tenant, event.system))
    live = {owner: item for owner, (_, item) in site.database.rows("budget_states").items()}
    _same(live, {owner: told[-1][1] for owner, told in states.items()}, "budgets")
    _same(site.database.rows("drift_references"), _newest_references(site), "references")


def watched(site: "Site") -> None:
    """Who asks again at each news shows what there is; the live view left nothing out, and never went back."""
    for fragment in SHOWN:
        assert site.watcher.page[fragment] == site.watcher.shown(fragment), f"{fragment}: the page is not what there is"
    for (_, system), (_, states) in site.database.rows("budget_states").items():
        told = [int(one.cause) for one in site.watcher.live[system]]
        assert told == sorted(set(told)), f"the live view of {system} went back: {told}"
        assert site.watcher.live[system][-1:] == [states], f"the live view of {system} ends too early: {told}"


def news(site: "Site") -> None:
    """There was news of what was told, at most once for each record; a heartbeat is none."""
    counts: dict[str, int] = site.database.rows("changes")
    records = {name: len(_told(site, topic)) for name, topic in _followed().items()}
    records["levels"] = sum(isinstance(event, LevelSet) for _, event in _told(site, AUTONOMY_LEVELS))
    for name, told in records.items():
        assert 0 < counts[name] <= told, f"{told} records of {name}, and {counts[name]} times news"


def registered(site: "Site") -> None:
    """The registry tells each revision once, in order, and its last record is what console has."""
    newest: dict[tuple[str, str], Sequence[Any]] = {}
    for _, event in _told(site, REGISTRY_SYSTEMS):
        before = newest.get((event.tenant, event.system), ())
        assert event.revisions[:-1] == before, f"{event.system}: a revision does not continue the one before it"
        assert not before or before[-1].spec != event.revisions[-1].spec, f"{event.system}: a revision changes nothing"
        newest[event.tenant, event.system] = event.revisions
    table: dict[tuple[str, str], list[Any]] = defaultdict(list)
    for (tenant, system, _), revision in sorted(site.database.rows("revisions").items()):
        table[tenant, system].append(revision)
    _same({owner: tuple(revisions) for owner, revisions in table.items()}, newest, "revisions")
    declared = {(one.author, one.spec.model_dump_json()) for revisions in newest.values() for one in revisions}
    applied = {(person.name, spec.model_dump_json()) for person in site.people for spec in person.specs}
    assert declared == applied, "what is declared is not what people applied"


def _followed() -> dict[str, Topic]:
    return {"reviews": REVIEWS, "rollouts": ROLLOUTS, "incidents": INCIDENTS, "budgets": BUDGET_STATES}


def _newest_references(site: "Site") -> dict[Hashable, Any]:
    """Versions come over several partitions, in any order."""
    owners = _grouped(site, DRIFT_REFERENCES, lambda event: (event.tenant, event.system))
    versions = {owner: sorted((event.version, event) for _, event in told) for owner, told in owners.items()}
    return {(*owner, version): item for owner, all_ in versions.items() for version, item in all_[-VERSIONS_MAX:]}


def _grouped(site: "Site", topic: Topic, owner_of: Callable[[Any], Hashable]) -> dict[Hashable, list[Told]]:
    grouped: dict[Hashable, list[Told]] = defaultdict(list)
    for identity, event in _told(site, topic):
        grouped[owner_of(event)].append((identity, event))
    return grouped


def _told(site: "Site", topic: Topic) -> list[Told]:
    """Each record once, at its first place, in the order of its log."""
    first: dict[UUID, bytes] = {}
    for record in site.broker.records(topic.name):
        first.setdefault(record.id, record.value or b"")
    return [(identity, topic.adapter.validate_json(value)) for identity, value in first.items()]


def _numbered(site: "Site", table: str) -> dict[Hashable, list[Told]]:
    rows: dict[Hashable, list[Told]] = defaultdict(list)
    for (*owner, _), row in sorted(site.database.rows(table).items(), key=lambda entry: entry[0][-1]):
        rows[tuple(owner)].append(row)
    return rows


def _same(found: Any, wanted: Any, what: str) -> None:
    different = [key for key in found.keys() | wanted.keys() if found.get(key) != wanted.get(key)]
    assert not different, f"{what} of {sorted(map(str, different))} are not what the topic says"
