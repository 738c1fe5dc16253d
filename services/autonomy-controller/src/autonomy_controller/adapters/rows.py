"""Rows of the controller's tables as the domain's objects, and back."""

from collections.abc import Collection, Mapping
from typing import Any

from autonomy_controller.domain.reviews import next_look
from autonomy_controller.domain.state import Action, Review
from autonomy_controller.ports import SystemKey


def columns(systems: Collection[SystemKey]) -> tuple[list[str], list[str]]:
    ordered = sorted(systems)
    return [tenant for tenant, _ in ordered], [system for _, system in ordered]


def action_of(row: Mapping[str, Any]) -> Action:
    return Action.model_validate_json(row["document"])


def action_row(action: Action) -> tuple[Any, ...]:
    request, decided = action.request, action.decided
    return (
        action.id,
        request.tenant,
        request.system,
        request.action_class,
        decided.evidence_epoch,
        action.state,
        decided.next_level_verdict != "allow",
        action.sample.rule,
        decided.decided_at,
        action.due_at,
        action.model_dump_json(),
    )


def review_row(review: Review) -> tuple[Any, ...]:
    return (
        review.review_id,
        review.action_id,
        review.tenant,
        review.system,
        review.kind,
        review.state,
        review.resolution,
        review.opened_at,
        next_look(review),
        review.model_dump_json(),
    )
