"""What must hold of notifier, judged by what providers got, by its tables, and by what it published."""

from typing import TYPE_CHECKING

from flyball.schemas.audit import AuditRecord
from flyball.schemas.incidents import IncidentChanged
from flyball.schemas.topics import AUDIT_RECORDS, INCIDENTS, Topic
from notifier.domain.board import Board, Delivery
from notifier.domain.pipeline import apply
from notifier.domain.policy import Policy
from tests.sim.paging.memory import Row
from tests.sim.paging.provider import Told

if TYPE_CHECKING:
    from tests.sim.paging.world import Site


def told(site: "Site") -> None:
    """A receipt means that it arrived, and whoever was told of a beginning was told of the end."""
    for delivery in site.board().deliveries.values():
        count = site.channels[delivery.key.channel].told[_told(delivery)]
        if delivery.state == "delivered":
            assert count, f"there is a receipt for {delivery.key}, and nobody got it"
    for name, provider in site.channels.items():
        for key, action, target in list(provider.told):
            ends = provider.told[key, "resolve", target]
            assert action != "trigger" or ends, f"{name}/{target} heard that {key} began and not that it ended"


def pages(site: "Site") -> None:
    """Each page once per epoch and intent: PagerDuty sees one key for an epoch, and nothing is sent without a claim."""
    rows: dict[object, Row] = site.database.rows("deliveries")
    for row in rows.values():
        count = site.channels[row.delivery.key.channel].told[_told(row.delivery)]
        assert count <= row.claims, f"{row.delivery.key} arrived {count} times and was claimed {row.claims} times"
    for name, provider in site.channels.items():
        intended = {_told(row.delivery) for row in rows.values() if row.delivery.key.channel == name}
        assert provider.told.keys() <= intended, f"{name} got what nobody intended"


def published(site: "Site") -> None:
    """The newest record of each incident is what the board has, and each decision is on the record once."""
    newest = {event.incident_id: event for event in _said(site, INCIDENTS) if isinstance(event, IncidentChanged)}
    board = site.board()
    stored = {key: (one.state, one.epoch, one.severity) for key, one in board.incidents.items()}
    assert {key: (one.state, one.epoch, one.severity) for key, one in newest.items()} == stored
    records = [event for event in _said(site, AUDIT_RECORDS) if isinstance(event, AuditRecord)]
    paged = {(record.subject, record.inputs["epoch"]) for record in records if record.decision == "page"}
    triggered = {(key.incident, key.epoch) for key in board.deliveries if key.action == "trigger"}
    assert triggered <= paged, f"pages that nobody decided: {triggered - paged}"


def replayed(site: "Site", policy: Policy) -> None:
    """Invariant 2: its inputs, folded into an empty board, make the stored board again."""
    rows = site.database.rows("inputs")
    stored, again = site.board(), Board(site.board().tenant)
    apply(again, [rows[key] for key in sorted(rows)], policy)
    assert len(rows) == stored.sequence, f"{len(rows)} inputs, and the board is at {stored.sequence}"
    for board in (stored, again):
        # When to look next is found anew each time a board is loaded, and may be early where it was kept.
        board.look_at_clocks()
    assert again == stored, "the inputs make another board than the stored one"


def _told(delivery: Delivery) -> Told:
    key = delivery.key
    return f"flyball/default/{key.incident}/{key.epoch}", key.action, key.target


def _said(site: "Site", topic: Topic) -> list[object]:
    """Each record once, in order; two contents under one id are one too many."""
    first: dict[object, bytes | None] = {}
    for record in site.broker.records(topic.name):
        assert first.setdefault(record.id, record.value) == record.value, (
            f"{topic.name}: two contents under {record.id}"
        )
    return [topic.adapter.validate_json(value or b"") for value in first.values()]
