"""States and panes as rows, and back: a JSON head for names and times, NumPy's own format for numbers."""

import io
import zlib
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from pydantic import TypeAdapter

from drift_detector.domain.state import Calibration, DetectorState, FeatureState, OpenPane
from drift_detector.domain.watch import Standing
from flyball.stats.neyman_scores import IntArray
from flyball.stats.shiryaev_roberts import Evidence

COMPRESSION = 1


@dataclass(frozen=True, slots=True)
class Head:
    """All of a state but its numbers."""

    version: int
    watermark: datetime | None
    open_panes: tuple[tuple[datetime, datetime], ...]
    """Start, and when the broker got the first summary."""
    panes: int
    features: dict[str, FeatureState]
    rows: int
    unreferenced_rows: int
    learned_rows: int
    suspect_panes: int = 0
    suspect_starts: tuple[datetime, ...] = ()
    """Of open panes."""


HEAD = TypeAdapter(Head)


def head_of(state: DetectorState) -> str:
    head = Head(
        version=state.version,
        watermark=state.watermark,
        open_panes=tuple((start, pane.first_recorded_at) for start, pane in sorted(state.open_panes.items())),
        panes=state.panes,
        features=dict(state.features),
        rows=state.rows,
        unreferenced_rows=state.unreferenced_rows,
        learned_rows=state.learned_rows,
        suspect_panes=state.suspect_panes,
        suspect_starts=tuple(start for start, pane in sorted(state.open_panes.items()) if pane.is_suspect),
    )
    return HEAD.dump_json(head).decode()


def arrays_of(state: DetectorState) -> bytes:
    arrays: dict[str, np.ndarray] = {}
    if state.open_panes:
        arrays["open"] = np.stack([pane.cells for _, pane in sorted(state.open_panes.items())]).astype(np.int32)
    if state.calibration is not None:
        arrays["dispersions"] = state.calibration.dispersions
        arrays |= _evidence_arrays("rates", state.calibration.standing.rates)
        if state.calibration.standing.scores is not None:
            arrays |= _evidence_arrays("scores", state.calibration.standing.scores)
    buffer = io.BytesIO()
    np.savez(buffer, allow_pickle=False, **arrays)
    return zlib.compress(buffer.getvalue(), COMPRESSION)


def state_of(head_json: str, packed: bytes) -> DetectorState:
    head = HEAD.validate_json(head_json)
    with np.load(io.BytesIO(zlib.decompress(packed)), allow_pickle=False) as found:
        arrays = {name: found[name] for name in found.files}
    cells = arrays.get("open", np.zeros((0, 0))).astype(np.int64)
    opened = zip(head.open_panes, cells, strict=True)
    return DetectorState(
        version=head.version,
        watermark=head.watermark,
        open_panes={
            start: OpenPane(recorded_at, row, start in head.suspect_starts) for (start, recorded_at), row in opened
        },
        panes=head.panes,
        calibration=_calibration(arrays),
        features=head.features,
        rows=head.rows,
        unreferenced_rows=head.unreferenced_rows,
        learned_rows=head.learned_rows,
        suspect_panes=head.suspect_panes,
    )


def packed_cells(cells: IntArray) -> bytes:
    return zlib.compress(cells.astype("<i4").tobytes(), COMPRESSION)


def unpacked_cells(packed: bytes) -> IntArray:
    return np.frombuffer(zlib.decompress(packed), dtype="<i4").astype(np.int64)


def _calibration(arrays: dict[str, np.ndarray]) -> Calibration | None:
    if "dispersions" not in arrays:
        return None
    scores = _evidence("scores", arrays) if "scores.log_m" in arrays else None
    return Calibration(dispersions=arrays["dispersions"], standing=Standing(scores, _evidence("rates", arrays)))


def _evidence_arrays(name: str, evidence: Evidence) -> dict[str, np.ndarray]:
    return {
        f"{name}.log_m": evidence.log_m,
        f"{name}.log_cusum": evidence.log_cusum,
        f"{name}.panes_since_restart": evidence.panes_since_restart,
    }


def _evidence(name: str, arrays: dict[str, np.ndarray]) -> Evidence:
    return Evidence(arrays[f"{name}.log_m"], arrays[f"{name}.log_cusum"], arrays[f"{name}.panes_since_restart"])
