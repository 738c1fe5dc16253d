"""The policy in force, and lines that follow from it."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from flyball.schemas.drift import DriftPolicy
from flyball.schemas.registry import Owners, SystemRevision
from flyball.stats.shiryaev_roberts import alarm_line

DEFAULT_VERSION = 0
SECONDS_PER_DAY = 86_400


@dataclass(frozen=True, slots=True)
class Rules:
    """A policy with its version, and whom an alert concerns."""

    policy: DriftPolicy
    version: int
    owner: str


def rules_at(revisions: Sequence[SystemRevision], recorded_at: datetime) -> Rules:
    """What holds for a summary recorded at that time; defaults where nothing was declared by then."""
    in_force = [revision for revision in revisions if revision.effective_at <= recorded_at]
    newest = max(in_force, key=lambda revision: revision.version, default=None)
    owners = newest.spec.owners if newest else Owners()
    owner = owners.operations or owners.technical or owners.business or "nobody: the system's spec names no owner"
    policy = newest.spec.drift if newest else DriftPolicy()
    return Rules(policy, newest.version if newest else DEFAULT_VERSION, owner.replace("\0", "\ufffd"))


def log_line(policy: DriftPolicy, streams: int) -> float:
    """Logarithm of the alarm line of each of a system's streams."""
    panes = policy.false_alarm_days * SECONDS_PER_DAY / policy.pane_seconds
    return math.log(alarm_line(max(panes, 1.0), streams))
