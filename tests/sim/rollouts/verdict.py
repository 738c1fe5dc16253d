"""What must hold at the end of a run with rollouts, each checked against what really happened to the pointer."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING

from flyball.schemas.alerts import FIRING, Alert
from flyball.schemas.audit import AuditRecord
from flyball.schemas.rollouts import RolloutChanged
from flyball.schemas.summaries import BUCKET_SECONDS
from flyball.schemas.topics import ALERTS, AUDIT_RECORDS, ROLLOUTS
from flyball.sim.world import EPOCH
from rollback_executor.domain.alerts import ROLLBACK_FAILED
from rollback_executor.domain.audit import KIND
from rollback_executor.domain.decide import decide_all
from rollback_executor.domain.facts import ACTOR
from tests.sim.rollouts.agents import Served
from tests.sim.rollouts.memory import Row
from tests.sim.rollouts.target import PointerServer
from tests.sim.verdict import once

if TYPE_CHECKING:
    from tests.sim.rollouts.world import Site

BUCKET = timedelta(seconds=BUCKET_SECONDS)
ENDS = {"rolled_back", "rollback_failed"}
AFTER = {
    "rolling_back": {"verifying", "rollback_failed"},
    "verifying": ENDS,
    "rolled_back": {"rolling_back"},
    "rollback_failed": {"rolling_back"},
}
"""What a rollback may be followed by; it begins anew only by a person's word."""


def judge(site: "Site", served: Sequence[Served]) -> None:
    epochs_grow(site.pointer)
    changes = [RolloutChanged.model_validate_json(record.value or b"") for record in once(site.broker, ROLLOUTS.name)]
    for row in site.rollouts():
        mine = [change for change in changes if change.rollout_id == row.tracked.rollout.id]
        told_once_in_order(row, mine)
        rollbacks_end_once(mine)
        replays(row, site)
        for change in mine:
            if change.step == "rolled_back":
                was_seen(change, row, site.pointer, served)
    at_most_one_by_itself(changes)
    on_the_record(site, changes)


def epochs_grow(pointer: PointerServer) -> None:
    epochs = [move.epoch for move in pointer.moves]
    assert epochs == sorted(set(epochs)), f"the pointer moved with the epochs {epochs}"


def told_once_in_order(row: Row, changes: Sequence[RolloutChanged]) -> None:
    versions = [change.version for change in changes]
    assert versions == list(range(1, row.tracked.rollout.version + 1)), f"{row.tracked.rollout.id} told {versions}"
    assert changes[-1].step == row.tracked.rollout.step
    assert not [change for change in changes if change.reason == "stale"], "a stale command changed something"


def rollbacks_end_once(changes: Sequence[RolloutChanged]) -> None:
    for before, after in pairwise(changes):
        allowed = AFTER.get(before.step)
        assert allowed is None or after.step in allowed, f"{after.step} after {before.step}: {after.reason}"
        if before.step in ENDS:
            assert after.actor.startswith("user:"), f"{before.step} went on by itself: {after.reason}"
    begun = sum(change.step == "rolling_back" for change in changes)
    ended = sum(change.step in ENDS for change in changes)
    assert begun == ended, f"{begun} rollbacks began and {ended} ended"


def was_seen(change: RolloutChanged, row: Row, pointer: PointerServer, served: Sequence[Served]) -> None:
    """The pointer stood at the order of this epoch, and no other release had served anything for long enough."""
    restored = row.tracked.rollout.restore.stable
    at = (change.changed_at - EPOCH).total_seconds()
    moves = [move for move in pointer.moves if move.seconds <= at]
    assert moves, f"{change.rollout_id} rolled back, and the pointer never moved"
    last = moves[-1]
    assert (last.epoch, last.token.stable, last.token.candidate) == (change.epoch, restored, None), (
        f"{change.rollout_id} rolled back at epoch {change.epoch}, and the pointer stood at {last}"
    )
    alone_since = _alone_since(restored, served, change.changed_at)
    rules = row.tracked.policy
    needed = alone_since + timedelta(seconds=rules.verify_alone_seconds)
    assert change.changed_at >= needed, (
        f"rolled back at {change.changed_at}, another release served until {alone_since}"
    )
    count = sum(one.count for one in served if alone_since <= one.bucket_start < change.changed_at)
    assert count >= rules.verify_interactions_min, f"rolled back after {count} interactions"


def _alone_since(restored: str, served: Sequence[Served], until: datetime) -> datetime:
    """Of buckets that were over by then: in the last one the next rollout may have begun."""
    ends = [one.bucket_start + BUCKET for one in served if one.release != restored]
    return max([end for end in ends if end <= until], default=EPOCH)


def replays(row: Row, site: "Site") -> None:
    """Invariant 2: the journal, decided again, gives the same rollout."""
    rollout = row.tracked.rollout
    inputs = {key[1]: given for key, given in site.database.rows("inputs").items() if key[0] == rollout.id}
    again, _ = decide_all(row.opening, [inputs[number] for number in sorted(inputs)], row.tracked.policy)
    assert again == rollout, f"decided again {rollout.id} is {again.step} at epoch {again.epoch}"


def at_most_one_by_itself(changes: Sequence[RolloutChanged]) -> None:
    """A run is shorter than the hour in which there may be one."""
    begun = [change for change in changes if change.step == "rolling_back" and change.actor == ACTOR]
    assert len(begun) <= 1, f"{len(begun)} rollbacks by itself: {[change.reason for change in begun]}"


def on_the_record(site: "Site", changes: Sequence[RolloutChanged]) -> None:
    """Each change is audited once; each failed rollback is an alert of severity 0."""
    records = [AuditRecord.model_validate_json(item.value or b"") for item in once(site.broker, AUDIT_RECORDS.name)]
    steps = [one.inputs for one in records if one.kind == KIND]
    audited = sorted((inputs["rollout_id"], inputs["version"]) for inputs in steps)
    assert audited == sorted((change.rollout_id, change.version) for change in changes)
    alerts = [Alert.model_validate_json(item.value or b"") for item in once(site.broker, ALERTS.name)]
    failed = [one for one in alerts if one.rule == ROLLBACK_FAILED and one.status == FIRING]
    assert len(failed) == sum(change.step == "rollback_failed" for change in changes)
    assert all(one.severity == 0 for one in failed)
