"""What must hold of autonomy-controller, judged by its tables, by what it published, and by what agents remember."""

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

from autonomy_controller.domain.state import Action, Review
from flyball.bus.records import Record
from flyball.schemas.audit import AuditRecord
from flyball.schemas.autonomy import ActionDecided, ActionEnded, LevelSet
from flyball.schemas.topics import AGENT_DECISIONS, AUDIT_RECORDS, AUTONOMY_LEVELS, Topic
from tests.sim.permission.people import OWNER, REQUESTER, Memory, Story

if TYPE_CHECKING:
    from tests.sim.permission.world import Site

CONTROLLER = b"/flyball/autonomy-controller"


def decisions(site: "Site", stories: Sequence[Story]) -> None:
    """No decision is lost or doubled: each action has one, told once, and once on the record."""
    actions: dict[str, Action] = site.database.rows("actions")
    asked = {story.request.action_id for story in stories}
    assert actions.keys() == asked, f"asked and decided differ: {actions.keys() ^ asked}"
    published = [event for event in _said(site, AGENT_DECISIONS) if isinstance(event, ActionDecided)]
    told = Counter(event.action_id for event in published if event.decided_by == "controller")
    own = {key for key, action in actions.items() if action.decided.decided_by == "controller"}
    assert told == Counter(own), f"decisions on the topic: {told}, in the table: {sorted(own)}"
    audited = Counter(
        event.subject
        for event in _said(site, AUDIT_RECORDS)
        if isinstance(event, AuditRecord) and event.kind == "autonomy.decision"
    )
    assert audited == Counter(asked), f"audited {audited}"


def ends(site: "Site", memory: Memory) -> None:
    """Each action ends exactly once, and the same is said of it in the table, on the topic and to agents."""
    actions: dict[str, Action] = site.database.rows("actions")
    ended = [event for event in _said(site, AGENT_DECISIONS) if isinstance(event, ActionEnded)]
    assert Counter(event.action_id for event in ended) == Counter(actions.keys())
    assert {event.action_id: event.end for event in ended} == {key: action.state for key, action in actions.items()}
    for key, answers in memory.answers.items():
        assert answers == {actions[key].decided.model_dump_json()}, f"{key} had more than one answer"


def approvals(site: "Site", memory: Memory) -> None:
    """An approval is consumed once, and only people who may approve have approved."""
    reviews: dict[str, Review] = {
        review.action_id: review for review in site.database.rows("reviews").values() if review.kind == "approval"
    }
    assert not memory.approvals_of_excluded, f"these may never: {memory.approvals_of_excluded}"
    more = [key for key, count in memory.started.items() if count > 1]
    assert not more, f"started more than once: {more}"
    for key, action in site.database.rows("actions").items():
        review = reviews.get(key)
        if action.state in ("executed", "failed") and action.decided.verdict == "require_approval":
            assert review is not None, f"{key} ran without a review"
            assert review.state == "consumed", f"{key} ran, its review is {review.state}"
            assert len(set(review.approved_by) - {OWNER, REQUESTER}) >= review.approvals_needed, f"{key}: {review}"
        assert review is None or not review.is_open, f"{key} has ended, its review has not"


def levels(site: "Site") -> None:
    """The newest record of each class, as agents tell which it is, is what the table has."""
    newest: dict[bytes | None, LevelSet] = {}
    for record in site.broker.records(AUTONOMY_LEVELS.name):
        event = AUTONOMY_LEVELS.adapter.validate_json(record.value or b"")
        if isinstance(event, LevelSet) and _is_news(event, newest.get(record.key)):
            newest[record.key] = event
    stored = {"/".join(key).encode(): state.control for key, state in site.database.rows("classes").items()}
    assert newest == stored, "levels on the topic are not those in the table"


def _is_news(event: LevelSet, before: LevelSet | None) -> bool:
    """A relay frozen while it publishes may put an old record last; its time tells."""
    return before is None or event.changed_at >= before.changed_at


def _said(site: "Site", topic: Topic) -> list[object]:
    """What the controller and agents said, each once; two contents under one id are one too many."""
    first: dict[object, Record] = {}
    for record in site.broker.records(topic.name):
        known = first.setdefault(record.id, record)
        if ("ce_source", CONTROLLER) in record.headers:
            assert known.value == record.value, f"{topic.name} has two contents under the id {record.id}"
    return [topic.adapter.validate_json(record.value or b"") for record in first.values()]
