"""Done means seen: each way in which a rollback can fail to be one ends where it should."""

from datetime import timedelta

import pytest
from rollout_builders import BASELINE, CANDIDATE, World, fresh, restored, seen

from flyball.schemas.alerts import FIRING, Alert
from rollback_executor.domain.facts import Intent
from rollback_executor.domain.inputs import Command
from rollback_executor.domain.rollout import Pointer


@pytest.fixture
def world() -> World:
    begun = fresh().start()
    begun.command("rollback")
    assert begun.rollout.step == "rolling_back"
    return begun


def wait(world: World, seconds: int, release: str | None = None) -> None:
    for _ in range(0, seconds, 10):
        if release:
            world.traffic(seen(world.now, release, 20))
        world.tick()


def pages(world: World) -> list[tuple[str, int]]:
    return [(fact.rule, fact.severity) for fact in world.facts if isinstance(fact, Alert) and fact.status == FIRING]


def test_accepted_and_nothing_done_is_a_failed_rollback(world: World) -> None:
    world.receipt("accepted")
    world.replicas(CANDIDATE, CANDIDATE)
    wait(world, 1_200, CANDIDATE)
    assert world.rollout.step == "rollback_failed"
    assert pages(world) == [("rollout.rollback_failed", 0)]


def test_replicas_say_so_and_telemetry_does_not(world: World) -> None:
    world.receipt("accepted")
    world.replicas(BASELINE, BASELINE)
    wait(world, 1_200, CANDIDATE)
    assert world.rollout.step == "rollback_failed"


def test_telemetry_says_so_and_replicas_do_not(world: World) -> None:
    world.receipt("accepted")
    wait(world, 1_200, BASELINE)
    assert world.rollout.step == "rollback_failed"


def test_no_telemetry_proves_nothing(world: World) -> None:
    world.receipt("accepted")
    world.replicas(BASELINE)
    wait(world, 1_200)
    assert world.rollout.step == "rollback_failed"


def test_a_time_out_that_worked_is_rolled_back(world: World) -> None:
    world.receipt("unknown")
    assert world.rollout.step == "verifying"
    world.replicas(BASELINE, BASELINE)
    wait(world, 120, BASELINE)
    assert world.rollout.step == "rolled_back"


def test_three_of_five_replicas_is_not_back(world: World) -> None:
    world.receipt("accepted")
    world.replicas(BASELINE, BASELINE, BASELINE, CANDIDATE, CANDIDATE)
    wait(world, 300, BASELINE)
    assert world.rollout.step == "verifying"
    wait(world, 900, BASELINE)
    assert world.rollout.step == "rollback_failed"
    told = [fact for fact in world.facts if isinstance(fact, Alert)][-1]
    assert "3 of 5 replicas" in told.observed


def test_the_last_two_replicas_may_follow_in_time(world: World) -> None:
    world.receipt("accepted")
    world.replicas(BASELINE, CANDIDATE)
    wait(world, 300, BASELINE)
    world.replicas(BASELINE, BASELINE)
    assert world.rollout.step == "rolled_back"


def test_a_straggler_of_the_candidate_begins_the_count_anew(world: World) -> None:
    world.receipt("accepted")
    world.replicas(BASELINE)
    wait(world, 20, BASELINE)
    world.traffic(seen(world.now, CANDIDATE, 1))
    wait(world, 20, BASELINE)
    assert world.rollout.step == "verifying"
    wait(world, 60, BASELINE)
    assert world.rollout.step == "rolled_back"


def test_a_target_that_reverts_before_the_end_is_not_back(world: World) -> None:
    world.receipt("accepted")
    world.replicas(BASELINE)
    wait(world, 20, BASELINE)
    world.replicas(CANDIDATE)
    wait(world, 120, BASELINE)
    assert world.rollout.step == "verifying"


def test_a_target_that_refuses_is_a_failed_rollback(world: World) -> None:
    world.receipt("refused")
    assert world.rollout.step == "rollback_failed"


def test_a_target_that_never_answers_is_a_failed_rollback(world: World) -> None:
    wait(world, 1_200, BASELINE)
    assert world.rollout.step == "rollback_failed"


def test_a_person_may_try_again_and_the_page_ends(world: World) -> None:
    wait(world, 1_200)
    world.command("rollback")
    restored(world)
    assert world.rollout.step == "rolled_back"
    resolved = [fact.rule for fact in world.facts if isinstance(fact, Alert) and fact.status != FIRING]
    assert "rollout.rollback_failed" in resolved
    epochs = [fact.epoch for fact in world.facts if isinstance(fact, Intent)]
    assert epochs == [2, 3, 4]


def test_telemetry_from_before_the_target_was_told_proves_nothing(world: World) -> None:
    told_at = world.now
    world.receipt("accepted")
    world.replicas(BASELINE)
    for second in range(60, 0, -10):
        world.traffic(seen(told_at - timedelta(seconds=second), BASELINE, 100, delay_seconds=200))
    assert world.rollout.step == "verifying"


def test_one_may_go_further_back_after_a_rollback_and_never_to_what_runs() -> None:
    world = fresh().start()
    world.command("rollback")
    restored(world)
    assert world.rollout.step == "rolled_back"
    epoch = world.rollout.epoch
    for to in (None, BASELINE):
        refused = Command(kind="rollback", epoch=epoch, actor="user:ada", reason="bad too", at=world.now, to=to)
        assert world.give(refused) == ()
    world.give(Command(kind="rollback", epoch=epoch, actor="user:ada", reason="bad too", at=world.now, to="1.3.0"))
    assert (world.rollout.step, world.rollout.epoch) == ("rolling_back", epoch + 1)
    assert world.rollout.pointer == Pointer(stable="1.3.0")
