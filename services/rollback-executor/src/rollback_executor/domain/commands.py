"""A person's word: it holds for the epoch that the person saw, and only where it makes sense."""

from dataclasses import replace

from flyball.schemas.rollouts import RolloutPolicy
from rollback_executor.domain.facts import Decision, changed
from rollback_executor.domain.inputs import Command, CommandKind
from rollback_executor.domain.moves import advance, enter_stage, first_stage, roll_back, wait_for_a_person
from rollback_executor.domain.rollout import (
    APPROVED,
    DONE,
    EXPOSED,
    HELD,
    PAUSED,
    PROPOSED,
    ROLLBACK_FAILED,
    ROLLED_BACK,
    STAGES,
    WAITING_FOR_A_PERSON,
    Pointer,
    Rollout,
)

ALLOWED_IN: dict[CommandKind, frozenset[str]] = {
    "approve": frozenset({PROPOSED}),
    "pause": STAGES,
    "resume": WAITING_FOR_A_PERSON,
    "promote": frozenset({HELD}),
    "rollback": EXPOSED | {PROPOSED, APPROVED, DONE, ROLLBACK_FAILED},
}


def refusal(rollout: Rollout, command: Command) -> str | None:
    """Why the command changes nothing, or None. The words are for the person who gave it."""
    if command.epoch != rollout.epoch:
        return f"the rollout is at epoch {rollout.epoch}, the command was given for {command.epoch}: look again"
    if command.to is not None and command.to == running(rollout):
        return f"{command.to} is what runs: there is nothing to go back to"
    goes_further_back = command.to is not None and rollout.step == ROLLED_BACK
    if rollout.step not in ALLOWED_IN[command.kind] and not goes_further_back:
        return (
            f"{command.kind} does nothing in step {rollout.step}, only in {', '.join(sorted(ALLOWED_IN[command.kind]))}"
        )
    return None


def on_command(rollout: Rollout, command: Command, policy: RolloutPolicy) -> Decision:
    """A stale or senseless command changes nothing."""
    if refusal(rollout, command) is not None:
        return rollout, ()
    at, actor, reason = command.at, command.actor, command.reason
    if command.kind == "approve":
        approved, told = changed(replace(rollout, step=APPROVED), policy, reason, at, actor=actor)
        started, facts = enter_stage(approved, policy, first_stage(policy), "approved", at, actor=actor)
        return started, (*told, *facts)
    if command.kind == "pause":
        return wait_for_a_person(rollout, policy, PAUSED, reason, at, actor=actor)
    if command.kind == "resume":
        resumed = replace(rollout, step=rollout.resumes_to or rollout.step, resumes_to=None)
        return changed(resumed, policy, reason, at, actor=actor)
    if command.kind == "promote":
        return advance(rollout, policy, reason, at, actor=actor)
    if command.to is not None:
        rollout = replace(rollout, restore=Pointer(stable=command.to))
    return roll_back(rollout, policy, reason, at, actor=actor)


def running(rollout: Rollout) -> str | None:
    """The release that a rollback leads away from; None where nobody knows what runs."""
    if rollout.step == ROLLBACK_FAILED:
        return None
    return rollout.candidate if rollout.step in EXPOSED | {DONE} else rollout.restore.stable
