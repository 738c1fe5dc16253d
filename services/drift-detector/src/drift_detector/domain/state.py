"""What is known of one system between two summaries."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

import numpy as np

from drift_detector.domain.watch import Standing
from flyball.schemas.drift import DriftSeverity, DriftState
from flyball.stats.neyman_scores import FloatArray, IntArray

NO_VERSION = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class FeatureState:
    """The latch of one feature. Each episode has its number, counted from 1 over all versions of the reference."""

    state: DriftState = "ok"
    severity: DriftSeverity = "none"
    episode: int = 0
    opened_at: datetime | None = None
    """Start of the pane that made it suspect, or a drift."""
    changed_at: datetime | None = None
    """Estimated time of the change."""
    calm_panes: int = 0
    alerted_at: datetime | None = None
    """Since when its alert fires."""


@dataclass(frozen=True, slots=True)
class OpenPane:
    """A pane that may still get rows: when the broker got its first summary, and its cells so far."""

    first_recorded_at: datetime
    cells: IntArray
    is_suspect: bool = False
    """Some of its rows came while the system's feed was in quarantine: it is not judged."""


@dataclass(frozen=True, slots=True)
class Pane:
    """A pane that was judged."""

    start: datetime
    cells: IntArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """What the first panes on a reference said about the dependence of rows; None while they are gathered."""

    dispersions: FloatArray
    standing: Standing


@dataclass(frozen=True, slots=True, kw_only=True)
class DetectorState:
    version: int = NO_VERSION
    """The version of the reference that evidence and panes are about."""
    watermark: datetime | None = None
    """The newest append time of any summary of the system."""
    open_panes: Mapping[datetime, OpenPane] = field(default_factory=dict)
    """By their start."""
    panes: int = 0
    """Judged on this version."""
    calibration: Calibration | None = None
    features: Mapping[str, FeatureState] = field(default_factory=dict)
    """By type and name; what is not there is ok and had no episode yet."""
    rows: int = 0
    unreferenced_rows: int = 0
    """Came for a version that is no longer, or not yet, in force; judged by none."""
    suspect_panes: int = 0
    """Panes that were left out because their feed was in quarantine."""
    learned_rows: int = 0
    """Rows kept for the next reference."""

    def feature(self, key: str) -> FeatureState:
        return self.features.get(key, FeatureState())


def stacked(panes: tuple[Pane, ...]) -> IntArray:
    """(panes, cells), the oldest first."""
    return np.stack([pane.cells for pane in panes])
