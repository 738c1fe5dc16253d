"""What others decided about an incident's systems is shown beside it, and nothing is decided from it."""

from datetime import datetime
from uuid import UUID, uuid4

import pytest
from notifier_builders import POLICY, START, after, fires, only, played, tick
from notifier_on_postgres import world

from flyball.bus.records import Batch, Record
from flyball.bus.typed import Received
from flyball.observe.metrics import Metrics
from flyball.schemas.audit import AuditRecord
from flyball.schemas.digest import digest_of
from flyball.schemas.topics import AUDIT_RECORDS
from notifier.adapters.changes import read_linked
from notifier.domain.linked import change_of
from notifier.service import Notifier, wiring


def record(kind: str = "autonomy.level", *, at: float = -60, system: str = "support", reason: str = "") -> AuditRecord:
    return AuditRecord(
        tenant="default",
        system=system,
        service="autonomy-controller",
        kind=kind,
        subject="refunds",
        actor="service:autonomy-controller",
        decision="L1",
        reason=reason or "budget red: accuracy",
        policy_version=1,
        inputs={},
        inputs_digest=digest_of({}),
        decided_at=after(at),
    )


@pytest.mark.parametrize(
    ("kind", "kept"),
    [("autonomy.level", True), ("rollout.step", True), ("budget.zone", True), ("autonomy.decision", False)],
)
def test_what_may_explain_an_incident_is_kept(kind: str, kept: bool) -> None:
    assert (change_of(uuid4(), record(kind)) is not None) == kept


@pytest.mark.stack
async def test_an_incident_has_what_was_decided_in_the_day_before_it(postgres_dsn: str) -> None:
    told = [
        record(at=-23 * 3_600, reason="a day before\0"),
        record("rollout.step", at=10, reason="during"),
        record(at=-25 * 3_600, reason="too long ago"),
        record(at=-60, system="search", reason="of another system"),
        record("autonomy.decision", at=-5),
    ]
    board, _ = played(fires(0), tick(30))
    async with world(postgres_dsn) as notifier:
        for _ in range(2):  # A batch that comes twice is kept once.
            async with notifier.database.transaction() as transaction:
                received = [_received(each, number) for number, each in enumerate(told)]
                await notifier.notifier.on_decided(transaction, received)
        linked = await read_linked(notifier.database, "default", only(board), after(60))
        later = await read_linked(notifier.database, "default", only(board), after(5))
        async with notifier.database.transaction() as transaction:
            await notifier.notifier.on_decided(transaction, [_received(record(at=9 * 86_400), 9)])
        kept = await notifier.database.fetch("SELECT reason FROM changes")
    assert [each["reason"] for each in linked] == ["during", "a day before\ufffd"]
    assert [each["reason"] for each in later] == ["a day before\ufffd"]
    assert datetime.fromisoformat(linked[0]["at"]) == after(10)
    assert len(kept) == 1, "what is older than a week is forgotten"


def _received(event: AuditRecord, number: int) -> Received[AuditRecord]:
    place = Record(AUDIT_RECORDS.name, 0, number, int(START.timestamp() * 1_000), None, b"", ())
    return Received(event, UUID(int=number), place)


async def test_what_is_only_noise_is_not_even_read() -> None:
    class Untouched:
        async def unseen(self, *_: object) -> set[UUID]:
            raise AssertionError("a decision of an agent was looked at")

    service = Notifier(lambda _: None, lambda _: None, POLICY, Metrics("notifier"))
    audited = next(each for each in wiring(service).subscriptions if each.topic is AUDIT_RECORDS)
    place = Record(AUDIT_RECORDS.name, 0, 7, 0, b"support", record("autonomy.decision").model_dump_json().encode(), ())
    await audited.handle(Untouched(), [Batch(AUDIT_RECORDS.name, 0, 7, [place])])
