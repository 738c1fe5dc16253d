"""The whole service on Postgres, with a target of its own: proposals, orders, receipts, replay."""

import json

import asyncpg
import pytest
from rollout_builders import BASELINE, CANDIDATE
from rollout_stage import PROPOSAL, Stage, bad_release, stage

from rollback_executor.adapters.reading import read_changes, read_effects, read_rollout, read_rollouts
from rollback_executor.adapters.rows import ROLLOUT
from rollback_executor.domain.decide import decide_all
from rollback_executor.domain.inputs import input_of
from rollback_executor.domain.rollout import Pointer
from rollback_executor.requests import CommandRequest, RollbackRequest

pytestmark = pytest.mark.stack
stage = stage  # noqa: PLW0127 - the fixture, for this module too


async def test_a_bad_release_is_found_rolled_back_and_proven(stage: Stage) -> None:
    answer = await bad_release(stage)
    assert stage.memory.token == Pointer(stable=BASELINE)
    await stage.play(200, {}, {BASELINE: 1_000})
    assert await stage.step(answer) == "rolled_back"
    effects = await read_effects(stage.database, "rollout-1")
    assert [(row["epoch"], row["step"], row["outcome"]) for row in effects] == [
        (2, "canary:500", "accepted"),
        (3, "rolling_back:0", "accepted"),
    ]
    steps = [change["step"] for change in await read_changes(stage.database, "rollout-1", 100)]
    assert steps == ["proposed", "approved", "canary", "rolling_back", "verifying", "rolled_back"]


async def test_the_adapter_that_says_yes_and_does_nothing_ends_in_a_failed_rollback(stage: Stage) -> None:
    await stage.budgets(accuracy="green")
    answer = await stage.desk.propose(PROPOSAL, "rollout-1")
    await stage.play(60, {}, {BASELINE: 950, CANDIDATE: 50})
    stage.memory.fault = "says_ok"
    stage.memory.runs = {"a": CANDIDATE}
    await stage.play(900, {CANDIDATE: 20, BASELINE: 9}, {BASELINE: 950, CANDIDATE: 50})
    assert await stage.step(answer) == "verifying"
    await stage.play(900, {}, {BASELINE: 950, CANDIDATE: 50})
    assert await stage.step(answer) == "rollback_failed"


async def test_an_order_that_times_out_and_worked_is_rolled_back(stage: Stage) -> None:
    answer = await bad_release(stage)
    stage.memory.fault = "times_out"
    retry = await stage.desk.roll_back(RollbackRequest(system="support", actor="user:ada", reason="again"))
    assert retry.reasons, "it is on its way back already"
    await stage.play(200, {}, {BASELINE: 1_000})
    assert await stage.step(answer) == "rolled_back"


async def test_a_first_order_that_times_out_is_asked_again_until_it_is_answered(stage: Stage) -> None:
    await stage.budgets(accuracy="green")
    stage.memory.fault = "times_out"
    await stage.desk.propose(PROPOSAL, "rollout-1")
    for _ in range(3):
        await stage.work()
    (effect,) = await read_effects(stage.database, "rollout-1")
    assert (effect["outcome"], effect["attempts"]) == (None, 3)
    stage.memory.fault = ""
    await stage.work()
    (effect,) = await read_effects(stage.database, "rollout-1")
    assert effect["outcome"] == "accepted"


async def test_the_journal_decides_the_same_again(stage: Stage) -> None:
    await bad_release(stage)
    await stage.play(200, {}, {BASELINE: 1_000})
    found = await read_rollout(stage.database, "rollout-1")
    assert found is not None
    (row,) = await stage.database.fetch("SELECT opening FROM rollouts")
    inputs = await stage.database.fetch("SELECT kind, body FROM inputs ORDER BY sequence")
    replayed, facts = decide_all(
        ROLLOUT.validate_json(row["opening"]),
        [input_of(each["kind"], json.loads(each["body"])) for each in inputs],
        found.policy,
    )
    assert replayed == found.rollout
    changes = await read_changes(stage.database, "rollout-1", 100)
    assert [fact.model_dump(mode="json") for fact in facts if hasattr(fact, "step") and hasattr(fact, "version")] == (
        changes[1:]
    )


async def test_one_open_rollout_per_system_and_environment(stage: Stage) -> None:
    await stage.budgets(accuracy="green")
    first = await stage.desk.propose(PROPOSAL, "rollout-1")
    assert (await stage.desk.propose(PROPOSAL, "rollout-1")).rollout == first.rollout, "the same one again"
    second = await stage.desk.propose(PROPOSAL, "rollout-2")
    assert "rollout rollout-1 of default/support/production is open (canary)" in second.reasons
    staging = PROPOSAL.model_copy(update={"environment": "staging"})
    assert (await stage.desk.propose(staging, "rollout-3")).reasons == ()
    with pytest.raises(asyncpg.UniqueViolationError):
        await stage.database.fetch(
            "INSERT INTO rollouts (id, tenant, system, environment, adapter, step, is_open, is_watched, epoch, version,"
            " sequence, ticked_at, policy, opening, state) SELECT 'rollout-4', tenant, system, environment, adapter,"
            " step, is_open, is_watched, epoch, version, sequence, ticked_at, policy, opening, state FROM rollouts"
            " WHERE id = 'rollout-1'"
        )


async def test_a_stale_command_changes_nothing(stage: Stage) -> None:
    await stage.budgets(accuracy="green")
    answer = await stage.desk.propose(PROPOSAL, "rollout-1")
    stale = CommandRequest(command="pause", epoch=1, actor="user:ada", reason="wait")
    refused = await stage.desk.command("rollout-1", stale)
    assert "epoch 2" in refused.reasons[0]
    assert await stage.step(answer) == "canary"


async def test_epochs_grow_across_rollouts_of_a_target(stage: Stage) -> None:
    answer = await bad_release(stage)
    await stage.play(200, {}, {BASELINE: 1_000})
    assert await stage.step(answer) == "rolled_back"
    second = await stage.desk.propose(PROPOSAL, "rollout-2")
    assert second.rollout is not None
    assert second.rollout.epoch == 5
    assert second.rollout.barred_until is not None, "one rollback happened by itself within the hour"


async def test_a_red_budget_rolls_back(stage: Stage) -> None:
    await stage.budgets(accuracy="green", safety="green")
    answer = await stage.desk.propose(PROPOSAL, "rollout-1")
    await stage.work()
    await stage.budgets(accuracy="green", safety="red")
    assert await stage.step(answer) == "rolling_back"
    changes = await read_rollouts(stage.database, "default", "support", None, None, 10, open_only=True)
    assert changes[0][1]["reason"] == "budget in its worst zone: safety"


@pytest.mark.parametrize("change", ["UPDATE inputs SET kind = 'x'", "DELETE FROM changes", "TRUNCATE inputs"])
async def test_journal_and_changes_are_append_only(stage: Stage, change: str) -> None:
    await stage.budgets(accuracy="green")
    await stage.desk.propose(PROPOSAL, "rollout-1")
    with pytest.raises((asyncpg.RaiseError, asyncpg.FeatureNotSupportedError)):
        await stage.database.fetch(change)


async def test_one_automatic_rollback_in_an_hour_whatever_the_environment(stage: Stage) -> None:
    await stage.budgets(accuracy="green")
    await stage.desk.propose(PROPOSAL, "rollout-1")
    stage.memory.token = None
    staging = await stage.desk.propose(PROPOSAL.model_copy(update={"environment": "staging"}), "rollout-2")
    assert staging.reasons == ()
    await stage.work()
    await stage.play(600, {CANDIDATE: 20, BASELINE: 9}, {BASELINE: 950, CANDIDATE: 50})
    steps = {row["id"]: row["step"] for row in await stage.database.fetch("SELECT id, step FROM rollouts")}
    assert sorted(steps.values()) == ["held", "verifying"]
    alerts = [json.loads(r["body"]) for r in await stage.database.fetch("SELECT body FROM outbox ORDER BY id")]
    assert [(a["rule"], a["severity"]) for a in alerts if "fingerprint" in a] == [
        ("rollout.rollback", 2),
        ("rollout.second_rollback", 1),
    ]


async def test_an_order_that_a_newer_one_replaced_is_never_carried_out(stage: Stage) -> None:
    await stage.budgets(accuracy="green")
    await stage.desk.propose(PROPOSAL, "rollout-1")
    await stage.desk.roll_back(RollbackRequest(system="support", actor="user:ada", reason="no"))
    await stage.work()
    effects = await read_effects(stage.database, "rollout-1")
    assert [(row["epoch"], row["outcome"]) for row in effects] == [(2, "superseded"), (3, "accepted")]
    assert stage.memory.token == Pointer(stable=BASELINE)
