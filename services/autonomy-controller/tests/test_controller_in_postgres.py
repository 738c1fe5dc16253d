"""Commands on a real Postgres: once, whoever else asks at the same time, and by people who may."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from autonomy_builders import START, request, revision, spec

from autonomy_controller.adapters.postgres import PostgresMemory
from autonomy_controller.adapters.reading import read_action, read_review, read_reviews
from autonomy_controller.commands import Commands, TooManyReviews
from autonomy_controller.deciding import IdReused
from autonomy_controller.domain.reviews import Refused
from autonomy_controller.domain.state import Action, Judgment, Review, Verdict
from autonomy_controller.promoting import NotSignable, Promotions
from autonomy_controller.service import activate
from autonomy_controller.ticking import Ticker
from flyball.schemas.autonomy import ActionDecided, ActionEnded, ActionReported, Heartbeat
from flyball.schemas.registry import SystemRegistered, SystemSpec
from flyball.schemas.topics import BY_NAME
from flyball.store.postgres import PostgresDatabase, PostgresTransaction

pytestmark = pytest.mark.stack
KEY = ("default", "support")
MINUTE = timedelta(minutes=1)
WRITE = {"operation": "order.cancel", "write": True}


@pytest.fixture
async def commands(database: PostgresDatabase) -> Commands[PostgresTransaction]:
    await declare(database, spec(1))
    return Commands(database, PostgresMemory)


async def declare(database: PostgresDatabase, declared: SystemSpec, version: int = 1) -> None:
    event = SystemRegistered(tenant="default", system="support", revisions=(revision(version, declared),))
    async with database.transaction() as transaction:
        memory = PostgresMemory(transaction)
        await memory.register(event, None)
        await transaction.enqueue(await activate(memory, KEY, event.revisions, "test", START))


async def published(database: PostgresDatabase, topic: str) -> list:
    rows = await database.fetch("SELECT body FROM outbox WHERE topic = $1 ORDER BY id", topic)
    return [BY_NAME[topic].adapter.validate_json(row["body"]) for row in rows]


async def ends(database: PostgresDatabase) -> list[ActionEnded]:
    return [one for one in await published(database, "agent.decisions.v1") if isinstance(one, ActionEnded)]


def ticker(database: PostgresDatabase, now: object) -> Ticker[PostgresTransaction]:
    return Ticker(database, PostgresMemory, [b"heartbeat.0"], 1, 2, clock=lambda: now)


def yes(reviewer: str = "user:grace", at: object = START, resolution: str = "approve") -> Verdict:
    return Verdict(reviewer=reviewer, resolution=resolution, at=at)


async def approved(commands: Commands[PostgresTransaction], reviewer: str = "user:grace", **changes: object) -> Action:
    """A write that somebody has approved."""
    action = await commands.decide(request(**WRITE, **changes), START)
    await agreed(commands, action, reviewer)
    return action


async def agreed(commands: Commands[PostgresTransaction], action: Action, reviewer: str) -> tuple[Review, Action]:
    judgment = Judgment(reviewer=reviewer, judgment="approve", confidence=4, at=START)
    await commands.judge(action.decided.review_id, judgment)
    return await commands.verdict(action.decided.review_id, yes(reviewer))


async def test_the_same_action_has_the_same_answer(commands, database) -> None:
    asked = request(**WRITE)
    answers = await asyncio.gather(*(commands.decide(asked, START + n * MINUTE / 60) for n in range(5)))
    assert len({answer.decided for answer in answers}) == 1
    decided = await published(database, "agent.decisions.v1")
    assert [one.action_id for one in decided if isinstance(one, ActionDecided)] == [asked.action_id]
    with pytest.raises(IdReused):
        await commands.decide(asked.model_copy(update={"target": "order/2"}), START)


async def test_an_approval_is_consumed_once_by_whoever_comes_first(commands, database) -> None:
    action = await approved(commands)
    start = lambda: commands.start(action.id, action.decided.digest, 1, START)  # noqa: E731
    found = await asyncio.gather(*(start() for _ in range(8)))
    assert sorted(str(one) for one in found if not isinstance(one, Action)) == ["consumed"] * 7
    assert (await read_review(database, action.decided.review_id))[0].state == "consumed"


@pytest.mark.parametrize(
    ("digest", "version", "refusal"), [("0" * 64, 1, "digest_mismatch"), (None, 2, "policy_mismatch")]
)
async def test_an_approval_is_good_for_this_action_and_policy_alone(
    commands, digest: str | None, version: int, refusal: str
) -> None:
    action = await approved(commands)
    assert await commands.start(action.id, digest or action.decided.digest, version, START) == refusal
    assert isinstance(await commands.start(action.id, action.decided.digest, 1, START), Action)


async def test_a_new_policy_voids_approvals(commands, database) -> None:
    action = await approved(commands)
    await declare(database, spec(1), version=2)
    assert await commands.start(action.id, action.decided.digest, 1, START) == "policy_mismatch"


async def test_refusals_have_names(commands, database) -> None:
    assert await commands.start("nothing", "0" * 64, 1, START) == "not_found"
    action = await commands.decide(request(**WRITE), START)
    assert await commands.start(action.id, action.decided.digest, 1, START) == "pending"
    await agreed(commands, action, "user:grace")
    late = START + timedelta(hours=1)
    assert await commands.start(action.id, action.decided.digest, 1, late) == "expired"
    await ticker(database, late).tick()
    assert await commands.start(action.id, action.decided.digest, 1, START) == "expired"
    refused = await commands.decide(request(parameters={"method": "gift"}), START)
    assert await commands.start(refused.id, refused.decided.digest, 1, START) == "cancelled"


async def test_nothing_is_approved_by_a_timer_and_it_ends_once(commands, database) -> None:
    action = await commands.decide(request(**WRITE), START)
    for minutes in range(0, 90, 5):
        await ticker(database, START + minutes * MINUTE).tick()
    after = await read_action(database, action.id)
    assert after.state == "expired"
    assert [(one.end, one.ended_at) for one in await ends(database)] == [("expired", START + 60 * MINUTE)]
    reviews = await published(database, "reviews.v1")
    assert [one.reminder for one in reviews if one.reminder] == ["remind", "backup"]  # validity ends at 100 %
    assert reviews[-1].state == "expired"
    assert all(one.approved_by == () for one in reviews)


async def test_what_was_allowed_and_never_heard_of_has_failed(commands, database) -> None:
    action = await commands.decide(request(), START)
    assert action.state == "allowed"
    for minutes in (59, 61, 62):
        await ticker(database, START + minutes * MINUTE).tick()
    assert [(one.action_id, one.end) for one in await ends(database)] == [(action.id, "failed")]
    late = ActionReported(
        kind="reported", action_id=action.id, system="support", end="executed", reported_at=START + 70 * MINUTE
    )
    await commands.report(late, START + 70 * MINUTE)
    assert len(await ends(database)) == 1


async def test_the_clock_of_ticks_never_goes_back(commands, database) -> None:
    await ticker(database, START + 5 * MINUTE).tick()
    assert await ticker(database, START).tick() == START + 5 * MINUTE


async def test_two_replicas_send_one_heartbeat(commands, database) -> None:
    for _ in range(3):
        await asyncio.gather(*(ticker(database, START).tick() for _ in range(3)))
    beats = [one for one in await published(database, "autonomy.levels.v1") if isinstance(one, Heartbeat)]
    assert len(beats) == 1


@pytest.mark.parametrize("person", ["user:ada", "user:ADA", "user:bea"])
async def test_owner_and_requester_cannot_approve(commands, person: str) -> None:
    action = await commands.decide(request(**WRITE, requester="user:bea"), START)
    with pytest.raises(Refused, match="excluded"):
        await commands.verdict(action.decided.review_id, yes(person))


async def test_two_people_are_two_people(commands, database) -> None:
    await declare(database, spec(1, approvals_needed=2), version=2)
    action = await commands.decide(request(**WRITE), START)
    await agreed(commands, action, "user:grace")
    with pytest.raises(Refused, match="already_decided") as refused:
        await commands.verdict(action.decided.review_id, yes("user:grace"))
    assert refused.value.review.verdicts[0].reviewer == "user:grace"
    assert await commands.start(action.id, action.decided.digest, 2, START) == "pending"
    await agreed(commands, action, "user:hopper")
    with pytest.raises(Refused, match="resolved"):
        await commands.verdict(action.decided.review_id, yes("user:third"))
    assert isinstance(await commands.start(action.id, action.decided.digest, 2, START), Action)


async def test_one_refusal_ends_it(commands, database) -> None:
    action = await commands.decide(request(**WRITE), START)
    judgment = Judgment(reviewer="user:grace", judgment="reject", confidence=5, at=START)
    await commands.judge(action.decided.review_id, judgment)
    await commands.verdict(action.decided.review_id, yes(resolution="reject"))
    assert (await read_action(database, action.id)).state == "denied"
    assert [one.end for one in await ends(database)] == ["denied"]


async def test_forty_an_hour_are_enough(commands) -> None:
    for _ in range(40):
        await approved(commands)
    with pytest.raises(TooManyReviews):
        await approved(commands)
    review = (await commands.decide(request(**WRITE), START)).decided.review_id
    later = START + timedelta(minutes=59)
    await commands.judge(review, Judgment(reviewer="user:grace", judgment="approve", confidence=3, at=later))
    with pytest.raises(TooManyReviews):
        await commands.verdict(review, yes(at=later))


async def test_an_audit_shows_the_proposal_after_the_judgment(commands, database) -> None:
    report = None
    for n in range(400):
        asked = request(action_id=f"sampled-{n}")
        await commands.decide(asked, START)
        report = ActionReported(
            kind="reported", action_id=asked.action_id, system="support", end="executed", reported_at=START
        )
        await commands.report(report, START)
        found = await read_reviews(database, "default", None, "open", "", 10)
        if found:
            break
    review, _ = found[0]
    assert review.kind == "audit"
    assert all(one.proposal is None for one in await published(database, "reviews.v1"))
    with pytest.raises(Refused, match="judgment_first"):
        await commands.verdict(review.review_id, yes())
    judgment = Judgment(reviewer="user:grace", judgment="approve", confidence=2, at=START)
    await commands.judge(review.review_id, judgment)
    after, _ = await commands.verdict(review.review_id, yes())
    assert after.state == "resolved"


async def test_a_kill_denies_what_waits_and_two_people_release_it(commands, database) -> None:
    waiting, ready = await commands.decide(request(**WRITE), START), await approved(commands)
    running = await commands.decide(request(), START)
    await commands.kill(KEY, None, "user:grace", "it deletes orders", START)
    assert {(await read_action(database, one.id)).state for one in (waiting, ready)} == {"denied"}
    assert await commands.start(ready.id, ready.decided.digest, 1, START) == "cancelled"
    assert await commands.start(running.id, running.decided.digest, 1, START) == "cancelled"
    assert (await commands.decide(request(), START)).decided.rule == "killed"
    for person in ("user:grace", "user:grace"):
        states = await commands.release(KEY, None, person, START)
        assert all(state.control.killed for state in states)
    states = await commands.release(KEY, None, "user:hopper", START)
    assert not any(state.control.killed or state.control.latched for state in states)
    assert (await commands.decide(request(), START)).decided.level == 0


async def test_a_promotion_without_evidence_says_what_is_missing(commands, database) -> None:
    await commands.decide(request(), START)
    promotions = Promotions(database, PostgresMemory)
    judged = await promotions.propose((*KEY, "orders", "release 2.1.0"), "user:grace", START)
    assert judged.holds == "no"  # no green budget was ever seen
    missing = {gate.name: gate.holds for gate in judged.gates}
    assert missing["error_rate"] == missing["active_days"] == "insufficient_evidence"
    with pytest.raises(NotSignable, match="gates"):
        await promotions.sign(judged.promotion.promotion_id, "user:hopper", START)


@pytest.mark.parametrize("text", ["\x00", "a\x00b", "'; DROP TABLE actions; --", "\U0001f600"])
async def test_odd_texts_are_stored_as_they_are(commands, database, text: str) -> None:
    asked = request(target=text, parameters={"note": text}, requester=text, **WRITE)
    action = await commands.decide(asked, START)
    assert (await read_action(database, action.id)).request.target == text
    await agreed(commands, action, "user:grace")
    promotions = Promotions(database, PostgresMemory)
    await promotions.propose((*KEY, "orders", "release 2.1.0"), "user:grace", START)


async def test_an_sdk_whose_clock_is_wrong_ends_nobody(commands, database) -> None:
    never = datetime.max.replace(tzinfo=UTC)
    asked = request(deadline=never, requested_at=never)
    action = await commands.decide(asked, START)
    assert action.due_at == START + timedelta(days=1, hours=1)
