"""The state of one rollout, and the words for it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from flyball.schemas.rollouts import RolloutPolicy, RolloutStep
from rollback_executor.domain.blocks import Gathering
from rollback_executor.domain.evidence import Evidence

PROPOSED: RolloutStep = "proposed"
APPROVED: RolloutStep = "approved"
SHADOW: RolloutStep = "shadow"
CANARY: RolloutStep = "canary"
BAKE: RolloutStep = "bake"
DONE: RolloutStep = "done"
PAUSED: RolloutStep = "paused"
HELD: RolloutStep = "held"
ROLLING_BACK: RolloutStep = "rolling_back"
VERIFYING: RolloutStep = "verifying"
ROLLED_BACK: RolloutStep = "rolled_back"
ROLLBACK_FAILED: RolloutStep = "rollback_failed"

STAGES = frozenset({SHADOW, CANARY, BAKE})
WAITING_FOR_A_PERSON = frozenset({PAUSED, HELD})
EXPOSED = STAGES | WAITING_FOR_A_PERSON
RETURNING = frozenset({ROLLING_BACK, VERIFYING})
CLOSED = frozenset({DONE, ROLLED_BACK})
SHADOW_INDEX = -1
EVERYTHING = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Pointer:
    """What a target is told and says of itself: the token of ``snapshot`` and ``apply``."""

    stable: str
    candidate: str | None = None
    share_basis_points: int = 0
    is_shadow: bool = False
    rollout_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """What happened since the share was last set. Blocks count once routers had time to follow."""

    index: int = SHADOW_INDEX
    applied_at: datetime | None = None
    blocks: int = 0
    candidate_count: int = 0
    baseline_count: int = 0
    last_candidate_count: int = 0
    last_baseline_count: int = 0
    is_suspect: bool = False
    """The last block came, in part, while the system's feed was in quarantine."""
    replicas: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    """Nothing advances, for this reason. Time counts on ticks: while nobody looked, none has passed."""

    reason: str
    waited_ms: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Verification:
    """What was seen of the restored release since its target was told. Both halves must hold at the same time."""

    waited_ms: int = 0
    told_at: datetime | None = None
    replicas: Mapping[str, str] = field(default_factory=dict)
    alone_since: datetime | None = None
    """Event time since which telemetry shows the restored release and no other."""
    alone_count: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Rollout:
    """One candidate on its way, or on its way back."""

    id: str
    tenant: str
    system: str
    environment: str
    baseline: str
    candidate: str
    adapter: str
    requested_by: str
    policy_version: int
    owner: str
    restore: Pointer
    """What the target said before anything was changed: where a rollback leads."""
    epoch: int
    opened_at: datetime
    step: RolloutStep = PROPOSED
    share_basis_points: int = 0
    version: int = 0
    sequence: int = 0
    inputs_digest: str = ""
    """SHA-256 over all inputs so far, in order: proves which journal a decision rests on."""
    resumes_to: RolloutStep | None = None
    gathering: Gathering = field(default_factory=Gathering)
    evidence: Evidence = field(default_factory=Evidence)
    stage: Stage = field(default_factory=Stage)
    hold: Hold | None = None
    verification: Verification | None = None
    barred_until: datetime | None = None
    """Until then no rollback happens by itself: one did, on this system."""
    observed_harm: tuple[str, ...] = ()
    done_at: datetime | None = None
    alerted: Mapping[str, datetime] = field(default_factory=dict)
    """Rules whose alerts are firing, and since when."""

    @property
    def is_open(self) -> bool:
        return self.step not in CLOSED

    @property
    def pointer(self) -> Pointer:
        """What the target has to hold in this step."""
        if self.step in RETURNING or self.step in {ROLLED_BACK, ROLLBACK_FAILED}:
            return self.restore
        if self.share_basis_points == EVERYTHING:
            return Pointer(stable=self.candidate, rollout_id=self.id)
        return Pointer(
            stable=self.baseline,
            candidate=self.candidate,
            share_basis_points=self.share_basis_points,
            is_shadow=self.stage.index == SHADOW_INDEX,
            rollout_id=self.id,
        )


def planned_share(rollout: Rollout) -> int:
    """The candidate's planned part of the traffic in basis points: half of it in shadow, where it gets a copy."""
    return EVERYTHING // 2 if rollout.stage.index == SHADOW_INDEX else rollout.share_basis_points


def is_watched(rollout: Rollout, policy: RolloutPolicy, at: datetime) -> bool:
    """Do inputs still concern it? It is open, or was done so short a time ago that a red zone rolls it back."""
    if rollout.step == DONE and rollout.done_at is not None:
        return (at - rollout.done_at).total_seconds() <= policy.watch_seconds_after_done
    return rollout.is_open
