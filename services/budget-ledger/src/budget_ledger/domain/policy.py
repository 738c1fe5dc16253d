"""What is asked of each dimension, by revision of the system's spec."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from flyball.schemas.registry import (
    ACCURACY,
    AVAILABILITY,
    PERFORMANCE,
    SAFETY,
    Owners,
    SystemRevision,
    SystemSpec,
)

DIMENSIONS = (ACCURACY, AVAILABILITY, PERFORMANCE, SAFETY)
DEFAULT_VERSION = 0
MILLION = 1_000_000


@dataclass(frozen=True, slots=True)
class Thresholds:
    """Percent of the budget left: above ``good`` is the best zone, below ``poor`` the worst; the rest is in between."""

    zones: tuple[str, str, str]
    good_percent: int
    poor_percent: int


QUALITY = Thresholds(("green", "yellow", "red"), 75, 50)
MODES = Thresholds(("velocity", "caution", "freeze"), 50, 20)


@dataclass(frozen=True, slots=True)
class Policy:
    """One budget's rules. A weight w is a tightening of the target: T' = 1 - (1 - T) / w."""

    version: int
    target_ppm: int
    weight_milli: int
    thresholds: Thresholds
    events_min: int
    """Fewer scored events than this say nothing yet."""
    window: timedelta
    metric: str = ""
    latency_max_us: int = 0
    minute_target_ppm: int = 0

    def grant_per_event(self, sampling_ppm: int) -> int:
        """Points that one scored event earns: (1 - T) x 1,000,000, scaled up when it stands for unjudged ones.

        Rounded per event, not per batch, so that no batching changes a balance.
        """
        return (MILLION - self.target_ppm) * MILLION // sampling_ppm

    def burn_per_event(self, sampling_ppm: int) -> int:
        """Points that one bad event costs: weight x 1,000,000, scaled up likewise."""
        return self.weight_milli * 1_000 * MILLION // sampling_ppm

    def plan_grant(self) -> int:
        """Points of a time budget: (1 - T) of the window's seconds. 99.9 % of 30 days is 43.2 minutes."""
        return (MILLION - self.target_ppm) * int(self.window.total_seconds())


def policies_of(spec: SystemSpec, version: int) -> dict[str, Policy]:
    """The policy of each dimension."""
    targets, window = spec.targets, timedelta(days=spec.window_days)
    accuracy, safety = targets.accuracy, targets.safety
    performance, availability = targets.performance, targets.availability
    return {
        ACCURACY: Policy(
            version, accuracy.target_ppm, accuracy.weight_milli, QUALITY, 30, window, metric=accuracy.metric
        ),
        # One attack that got through is evidence enough, so safety waits for no minimum.
        SAFETY: Policy(version, safety.target_ppm, safety.weight_milli, QUALITY, 1, window),
        PERFORMANCE: Policy(
            version,
            performance.target_ppm,
            performance.weight_milli,
            QUALITY,
            30,
            window,
            latency_max_us=performance.latency_max_ms * 1_000,
        ),
        AVAILABILITY: Policy(
            version,
            availability.target_ppm,
            availability.weight_milli,
            MODES,
            1,
            window,
            minute_target_ppm=availability.minute_target_ppm,
        ),
    }


def policies_at(
    tenant: str, system: str, revisions: Sequence[SystemRevision], recorded_at: datetime
) -> dict[str, Policy]:
    """The policies in force for a summary recorded at that time; defaults where nothing was declared by then."""
    newest = _in_force(revisions, recorded_at)
    if newest is None:
        return policies_of(SystemSpec(system=system, tenant=tenant), DEFAULT_VERSION)
    return policies_of(newest.spec, newest.version)


def owner_at(revisions: Sequence[SystemRevision], recorded_at: datetime) -> str:
    """Whom an alert at that time concerns: operations before technology before business."""
    newest = _in_force(revisions, recorded_at)
    owners = newest.spec.owners if newest else Owners()
    # JSON strings may hold a NUL, which no screen and no pager can show.
    named = owners.operations or owners.technical or owners.business or "nobody: the system's spec names no owner"
    return named.replace("\0", "\ufffd")


def _in_force(revisions: Sequence[SystemRevision], recorded_at: datetime) -> SystemRevision | None:
    in_force = [revision for revision in revisions if revision.effective_at <= recorded_at]
    return max(in_force, key=lambda revision: revision.version, default=None)
