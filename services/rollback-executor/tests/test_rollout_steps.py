"""From proposal to done, and back: every way that a rollout can go."""

from dataclasses import replace
from datetime import timedelta

import pytest
from rollout_builders import (
    BASELINE,
    CANDIDATE,
    START,
    Rates,
    changed_policy,
    fresh,
    restored,
    seen,
    simulate,
)

from flyball.schemas.alerts import Alert
from flyball.schemas.rollouts import RolloutChanged
from rollback_executor.domain.blocks import Observed
from rollback_executor.domain.facts import Intent, RolledBackByItself
from rollback_executor.domain.inputs import Barred, Zones
from rollback_executor.domain.rollout import Pointer

BUSY = Rates(per_second=100)


LENIENT = changed_policy(tolerance_ppm=50_000, latency_tolerance_ppm=50_000, bake_seconds=60)
"""Shown to be no worse in minutes: these tests are about the way, not about the evidence."""


def in_canary():
    world = fresh().start()
    assert world.steps == ["approved", "canary"]
    return world


def test_a_healthy_candidate_goes_through_all_shares_and_is_done_when_seen() -> None:
    world = simulate(fresh(LENIENT).start(), BUSY, 600)
    assert world.rollout.step == "bake"
    world.replicas(CANDIDATE, CANDIDATE)
    simulate(world, BUSY, 600)
    assert world.steps == ["approved", "canary", "bake", "done"]
    shares = [fact.token.share_basis_points for fact in world.facts if isinstance(fact, Intent)]
    assert shares == [500, 2_500, 5_000, 0]
    last = [fact for fact in world.facts if isinstance(fact, Intent)][-1]
    assert last.token == Pointer(stable=CANDIDATE, rollout_id="rollout-1")
    assert [fact.epoch for fact in world.facts if isinstance(fact, Intent)] == [2, 3, 4, 5]


def test_three_points_more_errors_are_rolled_back_and_the_evidence_is_told() -> None:
    world = simulate(in_canary(), Rates(per_second=100, candidate=0.04), 3_600)
    assert world.rollout.step == "rolling_back"
    told = [fact for fact in world.facts if isinstance(fact, RolloutChanged)][-1]
    errors = next(each for each in told.comparisons if each.metric == "errors")
    assert errors.harm_log_e_value >= errors.harm_log_threshold
    assert errors.blocks > 0
    assert errors.difference is not None
    assert errors.difference > 0
    assert "harm in errors" in told.reason
    restored(world)
    assert world.steps[-3:] == ["rolling_back", "verifying", "rolled_back"]


def test_slow_answers_of_the_candidate_are_harm_too() -> None:
    world = in_canary()
    for second in range(0, 1_800, 10):
        at = START + timedelta(seconds=second)
        world.traffic(seen(at, BASELINE, 950, slow=9), seen(at, CANDIDATE, 50, slow=10))
        if world.rollout.step != "canary":
            break
    assert world.rollout.step == "rolling_back"
    assert any("harm in latency" in fact.reason for fact in world.facts if isinstance(fact, RolloutChanged))


@pytest.mark.parametrize("metric", ["quality", "safety"])
def test_judged_failures_and_attacks_that_pass_are_harm_too(metric: str) -> None:
    world = in_canary()
    for second in range(0, 3_600, 10):
        at = START + timedelta(seconds=second)
        world.traffic(seen(at, BASELINE, 100, **{metric: (1, 100)}), seen(at, CANDIDATE, 5, **{metric: (2, 5)}))
        if world.rollout.step != "canary":
            break
    assert world.rollout.step == "rolling_back"
    assert any(f"harm in {metric}" in fact.reason for fact in world.facts if isinstance(fact, RolloutChanged))


@pytest.mark.parametrize(("mode", "step"), [("observe", "canary"), ("pause", "paused")])
def test_a_guardrail_does_what_its_mode_says(mode: str, step: str) -> None:
    world = fresh(changed_policy(modes={"errors": mode}, stage_seconds_max=600_000)).start()
    simulate(world, Rates(per_second=100, candidate=0.2), 1_800)
    assert world.rollout.step == step
    assert [fact for fact in world.facts if isinstance(fact, Alert)] == []


def test_an_incident_in_both_arms_rolls_nothing_back() -> None:
    world = simulate(in_canary(), Rates(per_second=100, incident=(300, 600, 0.3)), 1_200)
    assert "rolling_back" not in world.steps
    assert world.rollout.step in {"canary", "bake"}


def test_a_required_metric_that_is_missing_holds_then_rolls_back_and_never_passes() -> None:
    world = fresh(changed_policy(required_metrics=["errors", "quality"])).start()
    simulate(world, BUSY, 1_200)
    assert world.rollout.step == "canary"
    assert world.rollout.hold is not None
    assert "quality is missing" in world.rollout.hold.reason
    while world.rollout.step == "canary":
        at = world.now
        world.traffic(seen(at, BASELINE, 95), seen(at, CANDIDATE, 5))
        world.tick()
    assert world.rollout.step == "rolling_back"
    assert world.now - START < timedelta(seconds=1_200 + 2 * 1_800 + 600)


def test_silence_holds_and_an_outage_of_ours_is_not_silence() -> None:
    world = simulate(in_canary(), BUSY, 60)
    world.now += timedelta(hours=5)
    world.tick()
    assert world.rollout.hold is not None
    assert world.rollout.hold.waited_ms == 10_000
    at = world.now
    world.traffic(seen(at, BASELINE, 950), seen(at, CANDIDATE, 50))
    world.traffic(seen(at + timedelta(seconds=90), BASELINE, 950))
    world.tick()
    assert world.rollout.step == "canary"


def test_traffic_that_is_not_split_as_planned_holds() -> None:
    world = in_canary()
    for second in range(0, 600, 10):
        at = START + timedelta(seconds=second)
        world.traffic(seen(at, BASELINE, 950), seen(at, CANDIDATE, 150))
    assert world.rollout.step == "canary"
    assert world.rollout.hold is not None
    assert "not split as planned" in world.rollout.hold.reason


def test_inconclusive_at_its_maximum_time_is_held_and_never_promoted_by_default() -> None:
    world = fresh(changed_policy(stage_seconds_max=600)).start()
    simulate(world, Rates(per_second=3), 7_200)
    assert world.rollout.step == "held"
    world.command("promote")
    assert world.rollout.share_basis_points == 2_500


def test_a_red_budget_ends_an_open_rollout() -> None:
    world = in_canary()
    world.give(Zones(red=("performance",), newly=("performance",), at=world.now))
    assert world.rollout.step == "rolling_back"


def test_after_it_is_done_red_safety_alone_rolls_back() -> None:
    world = simulate(fresh(LENIENT).start(), BUSY, 600)
    world.replicas(CANDIDATE)
    simulate(world, BUSY, 600)
    world.give(Zones(red=("performance",), newly=("performance",), at=world.now))
    assert world.rollout.step == "done"
    world.give(Zones(red=("performance", "safety"), newly=("safety",), at=world.now))
    assert world.rollout.step == "rolling_back"
    assert [fact for fact in world.facts if isinstance(fact, Intent)][-1].token == Pointer(stable=BASELINE)


def test_a_second_automatic_rollback_within_the_hour_is_a_page_instead() -> None:
    world = in_canary()
    world.give(Barred(until=START + timedelta(hours=1), at=START))
    simulate(world, Rates(per_second=100, candidate=0.2), 1_200)
    assert world.rollout.step == "held"
    assert [fact.severity for fact in world.facts if isinstance(fact, Alert)] == [1]
    assert [fact for fact in world.facts if isinstance(fact, RolledBackByItself)] == []
    world.command("rollback")
    assert world.rollout.step == "rolling_back", "a person may always"


def test_a_person_pauses_resumes_and_goes_back() -> None:
    world = in_canary()
    world.command("pause")
    simulate(world, BUSY, 600)
    assert (world.rollout.step, world.rollout.share_basis_points) == ("paused", 500)
    world.command("resume")
    assert world.rollout.step == "canary"
    world.command("rollback", actor="user:grace")
    assert world.rollout.step == "rolling_back"
    told = [fact for fact in world.facts if isinstance(fact, RolloutChanged)][-1]
    assert told.actor == "user:grace"


def shadowed(candidate_part: float):
    """In shadow the candidate gets a copy of all input: as many interactions as the baseline, if all goes well."""
    world = fresh(changed_policy(shadow=True, dwell_seconds_min=300)).start()
    assert world.rollout.step == "shadow"
    for second in range(0, 1_800, 10):
        at = START + timedelta(seconds=second)
        world.traffic(seen(at, BASELINE, 500, 5, slow=15), seen(at, CANDIDATE, int(500 * candidate_part), 5, slow=15))
        if world.rollout.step != "shadow":
            break
    return world


def test_shadow_leads_to_the_first_share_once_all_of_the_volume_was_processed() -> None:
    world = shadowed(1.0)
    assert (world.rollout.step, world.rollout.share_basis_points) == ("canary", 500)
    orders = [fact.token for fact in world.facts if isinstance(fact, Intent)]
    assert [(order.is_shadow, order.share_basis_points) for order in orders] == [(True, 0), (False, 500)]


def test_shadow_that_processed_a_part_of_the_volume_holds() -> None:
    world = shadowed(0.8)
    assert world.rollout.step == "shadow"
    assert world.rollout.hold is not None
    assert "not split as planned" in world.rollout.hold.reason


def test_whoever_resumes_against_the_evidence_is_asked_again_and_alerted_once() -> None:
    world = in_canary()
    world.give(Barred(until=START + timedelta(hours=1), at=START))
    simulate(world, Rates(per_second=100, candidate=0.2), 600)
    assert world.rollout.step == "held"
    world.command("resume")
    assert world.rollout.step == "canary"
    simulate(world, Rates(per_second=100, candidate=0.2), 60)
    assert world.rollout.step == "held", "a bad release must not stay because somebody resumed it"
    assert [fact.rule for fact in world.facts if isinstance(fact, Alert)] == ["rollout.second_rollback"]


def suspect(one: Observed) -> Observed:
    return replace(one, counts=replace(one.counts, suspect=1))


def test_blocks_from_a_quarantined_feed_are_evidence_of_nothing_and_hold_the_rollout() -> None:
    world = in_canary()
    for n in range(30):
        at = START + timedelta(seconds=10 * n)
        # The candidate fails every time, and the baseline never.
        bad, good = seen(at, CANDIDATE, 10, 10), seen(at, BASELINE, 190)
        world.traffic(suspect(bad), good)
    assert world.steps == ["approved", "canary"]
    assert world.rollout.stage.blocks == 0
    assert world.rollout.hold is not None
    assert "in quarantine" in world.rollout.hold.reason
    for n in range(30, 60):
        at = START + timedelta(seconds=10 * n)
        world.traffic(seen(at, CANDIDATE, 10, 10), seen(at, BASELINE, 190))
    assert world.rollout.step == "rolling_back"
