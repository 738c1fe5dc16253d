"""``registry.systems.v1``: which systems there are and what is asked of them, from the system spec (YAML)."""

from typing import Annotated

from pydantic import Field

from flyball.schemas.base import DEFAULT_TENANT, Count, Event, Name, ShortText, Text, UtcTime
from flyball.schemas.drift import DriftPolicy
from flyball.schemas.guardrails import AutonomySpec
from flyball.schemas.telemetry import TelemetryPolicy

ACCURACY = "accuracy"
SAFETY = "safety"
PERFORMANCE = "performance"
AVAILABILITY = "availability"
REVISIONS_MAX = 20

Ppm = Annotated[int, Field(ge=1, le=999_999)]


class Owners(Event):
    business: Text | None = None
    technical: Text | None = None
    operations: Text | None = None


class AccuracyTarget(Event):
    """Judged outputs that passed, over all that were judged on ``metric``."""

    target_ppm: Ppm = 950_000
    weight_milli: int = Field(default=1_000, ge=1, le=1_000_000)
    metric: Name = "factuality"


class SafetyTarget(Event):
    """Malicious attempts that were blocked, over all malicious attempts."""

    target_ppm: Ppm = 999_000
    weight_milli: int = Field(default=20_000, ge=1, le=1_000_000)


class PerformanceTarget(Event):
    """Interactions that ended under ``latency_max_ms``, over all. Three significant digits keep the count exact."""

    target_ppm: Ppm = 950_000
    weight_milli: int = Field(default=300, ge=1, le=1_000_000)
    latency_max_ms: int = Field(default=5_000, ge=1, le=3_600_000)


class AvailabilityTarget(Event):
    """Minutes that were up. A minute is down when less than ``minute_target_ppm`` of its interactions succeeded."""

    target_ppm: Ppm = 999_000
    weight_milli: int = Field(default=1_000, ge=1, le=1_000_000)
    minute_target_ppm: Ppm = 995_000


class Targets(Event):
    accuracy: AccuracyTarget = AccuracyTarget()
    safety: SafetyTarget = SafetyTarget()
    performance: PerformanceTarget = PerformanceTarget()
    availability: AvailabilityTarget = AvailabilityTarget()


class SystemSpec(Event):
    """What one YAML file declares of one system. Everything but its name has a default."""

    system: Name
    tenant: Name = DEFAULT_TENANT
    purpose: str = Field(default="", max_length=1_000)
    owners: Owners = Owners()
    targets: Targets = Targets()
    window_days: int = Field(default=30, ge=1, le=90)
    autonomy: AutonomySpec = AutonomySpec()
    drift: DriftPolicy = DriftPolicy()
    telemetry: TelemetryPolicy = TelemetryPolicy()


class SystemRevision(Event):
    """One version of a spec. It holds for summaries recorded at ``effective_at`` or later."""

    version: Count
    effective_at: UtcTime
    author: ShortText
    spec: SystemSpec


class SystemRegistered(Event):
    """All revisions of one system, oldest first, so that compaction loses none that a replay needs."""

    tenant: Name
    system: Name
    revisions: tuple[SystemRevision, ...] = Field(min_length=1, max_length=REVISIONS_MAX)
