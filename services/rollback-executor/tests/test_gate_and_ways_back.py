"""The deployment gate, and every way back that a person has, on Postgres."""

import json
from typing import Any

import pytest
from rollout_builders import BASELINE, CANDIDATE
from rollout_stage import PROPOSAL, Stage, bad_release, stage

from rollback_executor.domain.rollout import Pointer
from rollback_executor.requests import GateRequest, Proposal, RollbackRequest

pytestmark = pytest.mark.stack
stage = stage  # noqa: PLW0127 - the fixture, for this module too
EARLIER = """
INSERT INTO rollouts (id, number, tenant, system, environment, adapter, step, is_open, is_watched, epoch, version,
    sequence, ticked_at, policy, opening, state) OVERRIDING SYSTEM VALUE
SELECT $2, $1, tenant, system, environment, adapter, step, false, false, epoch, version, sequence, ticked_at, policy,
    opening, jsonb_set(state::jsonb, '{baseline}', to_jsonb($2::text))::json
FROM rollouts WHERE id = 'rollout-1'
"""
"""A rollout of long ago that began with another baseline."""
ASKED = GateRequest(system="support", release=CANDIDATE, actor="user:ci")
OVERRIDDEN = PROPOSAL.model_copy(update={"override": "the fix for the incident"})


async def records(stage: Stage, kind: str) -> list[dict[str, Any]]:
    bodies = [json.loads(row["body"]) for row in await stage.database.fetch("SELECT body FROM outbox ORDER BY id")]
    return [body for body in bodies if body.get("kind") == kind]


@pytest.mark.parametrize(
    ("zones", "reasons"),
    [
        ({}, ["no budget state is known of this system: does telemetry of it arrive?"]),
        ({"accuracy": "no_data"}, ["no budget of this system has data"]),
        (
            {"accuracy": "red", "safety": "red", "performance": "green"},
            ["the accuracy budget is in red", "the safety budget is in red"],
        ),
    ],
)
async def test_the_gate_refuses_with_every_reason_and_on_the_record(
    stage: Stage, zones: dict[str, str], reasons: list[str]
) -> None:
    if zones:
        await stage.budgets(**zones)
    answer = await stage.desk.propose(PROPOSAL, "rollout-1")
    assert answer.reasons == reasons
    assert answer.rollout is None
    recorded = [json.loads(row["body"]) for row in await stage.database.fetch("SELECT body FROM outbox")]
    assert [(record["kind"], record["inputs"]["reasons"]) for record in recorded] == [("rollout.gate", reasons)]


async def test_whoever_asks_gets_the_same_answer_as_a_proposal_and_it_is_recorded(stage: Stage) -> None:
    await stage.budgets(accuracy="freeze", cost="caution", safety="no_data")
    said = await stage.desk.ask_gate(ASKED)
    assert list(said.reasons) == (await stage.desk.propose(PROPOSAL, "rollout-1")).reasons
    assert [advice.partition(":")[0] for advice in said.advice] == [
        "the cost budget is in caution",
        "the safety budget has too little data to say anything (no_data)",
    ]
    await stage.budgets(accuracy="velocity")
    assert (await stage.desk.ask_gate(ASKED)).is_open
    gates = await records(stage, "rollout.gate")
    assert [(gate["decision"], gate["actor"]) for gate in gates] == [
        ("refused", "user:ci"),
        ("refused", "user:ada"),
        ("open", "user:ci"),
    ]


async def test_a_person_opens_a_closed_gate_with_a_reason_on_the_record(stage: Stage) -> None:
    await stage.budgets(accuracy="red")
    assert (await stage.desk.propose(PROPOSAL, "rollout-1")).rollout is None
    answer = await stage.desk.propose(OVERRIDDEN, "rollout-1")
    assert answer.rollout is not None
    assert answer.rollout.step == "canary"
    assert answer.advice[0].startswith("user:ada opened a closed gate (the fix for the incident): the accuracy budget")
    last = (await records(stage, "rollout.gate"))[-1]
    assert (last["decision"], last["reason"], last["actor"]) == ("overridden", "the fix for the incident", "user:ada")


async def test_nobody_overrides_what_the_target_says(stage: Stage) -> None:
    await stage.budgets(accuracy="red")
    stage.memory.token = Pointer(stable="9.9.9")
    answer = await stage.desk.propose(OVERRIDDEN, "rollout-1")
    assert answer.reasons == ["the target runs 9.9.9, not the baseline 1.4.0"]


def test_a_service_overrides_nothing() -> None:
    with pytest.raises(ValueError, match="only a person opens a closed gate"):
        Proposal(**{**OVERRIDDEN.model_dump(), "requested_by": "service:ci"})


async def test_a_persons_rollback_is_proven_like_any_other(stage: Stage) -> None:
    await stage.budgets(accuracy="green")
    answer = await stage.desk.propose(PROPOSAL, "rollout-1")
    await stage.play(60, {}, {BASELINE: 950, CANDIDATE: 50})
    await stage.desk.roll_back(back())
    await stage.play(30, {}, {BASELINE: 1_000})
    assert await stage.step(answer) == "verifying"
    await stage.play(170, {}, {BASELINE: 1_000})
    assert await stage.step(answer) == "rolled_back"


async def test_an_incident_in_both_arms_rolls_nothing_back(stage: Stage) -> None:
    await stage.budgets(accuracy="green")
    answer = await stage.desk.propose(PROPOSAL, "rollout-1")
    await stage.play(300, {BASELINE: 380, CANDIDATE: 20}, {BASELINE: 950, CANDIDATE: 50})
    await stage.play(300, {}, {BASELINE: 950, CANDIDATE: 50})
    assert await stage.step(answer) == "canary"
    assert stage.memory.token is not None
    assert stage.memory.token.candidate == CANDIDATE


async def test_a_dry_run_says_what_would_be_and_changes_nothing(stage: Stage) -> None:
    await stage.budgets(accuracy="green")
    answer = await stage.desk.propose(PROPOSAL, "rollout-1")
    would = await stage.desk.roll_back(back(dry_run=True))
    assert would.rollout is not None
    assert (would.rollout.step, would.advice) == ("rolling_back", ["memory would be told to restore 1.4.0"])
    assert await stage.step(answer) == "canary"
    assert (await stage.desk.roll_back(back())).rollout == would.rollout


async def test_one_goes_back_to_any_of_the_last_releases_and_to_no_other(stage: Stage) -> None:
    answer = await bad_release(stage)
    await stage.play(200, {}, {BASELINE: 1_000})
    assert await stage.step(answer) == "rolled_back"
    for number, earlier in ((-1, "1.3.0"), (-2, "1.2.0")):
        await stage.database.fetch(EARLIER, number, earlier)
    unknown = await stage.desk.roll_back(back(to="0.9.0"))
    assert unknown.reasons == ["0.9.0 is none of the last releases of default/support/production: 1.4.0, 1.3.0, 1.2.0"]
    again = await stage.desk.roll_back(back(to="1.4.0"))
    assert "1.4.0 is what runs" in again.reasons[0]
    further = await stage.desk.roll_back(back(to="1.3.0"))
    assert further.rollout is not None
    await stage.play(200, {}, {"1.3.0": 1_000})
    assert stage.memory.token == Pointer(stable="1.3.0")
    assert await stage.step(further) == "rolled_back"


def back(**more: object) -> RollbackRequest:
    return RollbackRequest(system="support", actor="user:ada", reason="I saw it", **more)
