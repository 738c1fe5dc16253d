"""What was found of one feature, and on which occasion."""

from dataclasses import dataclass
from datetime import datetime

from drift_detector.domain.judge import Evidence
from drift_detector.domain.layout import Section
from drift_detector.domain.policy import Rules
from drift_detector.domain.state import FeatureState

SERVICE = "drift-detector"
ACTOR = f"service:{SERVICE}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Occasion:
    """When and why something is judged, and by which rules."""

    tenant: str
    system: str
    reference_version: int
    rules: Rules
    pane_start: datetime
    now: datetime
    panes: int
    """Judged on this version of the reference."""
    actor: str = ACTOR


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One feature before and after, with what moved it. ``windows`` are (panes, cells), the shortest first."""

    section: Section
    before: FeatureState
    after: FeatureState
    evidence: Evidence
    stream: str
    dispersion: float
    sizes: tuple[int, ...]
    reason: str
    by_evidence: bool = True
    """Or by a person's word, or another reference."""
