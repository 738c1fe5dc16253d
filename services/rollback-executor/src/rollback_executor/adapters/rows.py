"""Rollouts as rows: state, policy and inputs are JSON that pydantic writes and reads."""

from collections.abc import Mapping
from typing import Any

from pydantic import TypeAdapter

from flyball.schemas.registry import SystemRevision
from flyball.schemas.rollouts import RolloutPolicy
from rollback_executor.domain.rollout import Pointer, Rollout
from rollback_executor.ports import Order, TargetName, Tracked

REVISIONS = TypeAdapter(tuple[SystemRevision, ...])
ROLLOUT = TypeAdapter(Rollout)
POINTER = TypeAdapter(Pointer)


def rollout_json(rollout: Rollout) -> str:
    return ROLLOUT.dump_json(rollout).decode()


def tracked_of(row: Mapping[str, Any]) -> Tracked:
    return Tracked(
        ROLLOUT.validate_json(row["state"]), RolloutPolicy.model_validate_json(row["policy"]), row["ticked_at"]
    )


def order_of(row: Mapping[str, Any]) -> Order:
    return Order(
        rollout_id=row["rollout_id"],
        name=TargetName(row["tenant"], row["system"], row["environment"]),
        adapter=row["adapter"],
        epoch=row["epoch"],
        step=row["step"],
        token=POINTER.validate_json(row["token"]),
        attempts=row["attempts"],
    )
