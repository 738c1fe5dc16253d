"""Shiryaev-Roberts e-detectors: evidence of a change at an unknown time, valid at every look.

Each bet's M is the sum, over every pane at which the change could have begun, of the product of its factors since.
A stream's statistic is the mean of M over its bets. Its expectation after t quiet panes is at most t, so the first
crossing of a line A takes A panes on average or longer, whatever the bets. M is kept as a logarithm: it neither
overflows nor vanishes. A pane's counts are summed before they are used, so that any split of a pane into deltas, in
any order, gives the same state to the last bit.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import logsumexp

from flyball.stats.count_bets import Bets
from flyball.stats.neyman_scores import FloatArray, IntArray


@dataclass(frozen=True)
class Evidence:
    """State of S streams with B bets each: 16 bytes per bet.

    ``log_m`` (S, B) float64, logarithm of M. ``log_cusum`` (S, B) float32, the product since its last restart, and
    ``panes_since_restart`` (S, B) int32: they only date the change.
    """

    log_m: FloatArray
    log_cusum: npt.NDArray[np.float32]
    panes_since_restart: npt.NDArray[np.int32]

    @property
    def size_bytes(self) -> int:
        return self.log_m.nbytes + self.log_cusum.nbytes + self.panes_since_restart.nbytes


def no_evidence(bets: Bets) -> Evidence:
    """The state before the first pane: M = 0 everywhere."""
    shape = bets.active.shape
    return Evidence(np.full(shape, -np.inf), np.zeros(shape, np.float32), np.zeros(shape, np.int32))


def after_pane(evidence: Evidence, bets: Bets, counts: npt.ArrayLike) -> Evidence:
    """The state after one pane: M <- (M + 1) e for every bet.

    ``counts`` (S, K): rows of each stream per bin in the whole pane; an empty pane changes M only by the new start.
    Each pane may bring other bets (a season's), as long as their shape is the same: products carry over.
    Source: J. Shin, A. Ramdas, A. Rinaldo, "E-detectors", arXiv 2203.03532 (the e-SR procedure).
    """
    rows = np.asarray(counts, dtype=np.float64)
    log_e = np.where(bets.active, np.matmul(bets.log_gain, rows[..., None])[..., 0], -np.inf)
    cusum = np.maximum(evidence.log_cusum, 0.0) + log_e
    since = np.where(evidence.log_cusum > 0, evidence.panes_since_restart + 1, 1)
    return Evidence(
        np.logaddexp(evidence.log_m, 0.0) + log_e,
        cusum.astype(np.float32),
        since.astype(np.int32),
    )


def log_statistic(evidence: Evidence, bets: Bets) -> FloatArray:
    """Logarithm of each stream's M, the mean over its active bets; shape (S,). -inf for a stream without bets."""
    active = np.maximum(bets.active.sum(axis=1), 1)
    masked = np.where(bets.active, evidence.log_m, -np.inf)
    with np.errstate(divide="ignore"):
        return np.asarray(logsumexp(masked, axis=1) - np.log(active), dtype=np.float64)


def panes_since_change(evidence: Evidence) -> IntArray:
    """How many panes ago each stream changed, if it did, this pane included; shape (S,).

    Maximum-likelihood start of the strongest bet. Source: E. S. Page, Biometrika 41 (1954) 100-115.
    """
    strongest = np.argmax(evidence.log_m, axis=1)
    return np.take_along_axis(evidence.panes_since_restart, strongest[:, None], axis=1)[:, 0].astype(np.int64)


def alarm_line(panes_between_false_alarms: float, streams: int) -> float:
    """The value of M at which a stream alarms, so that all streams together keep one budget.

    ``panes_between_false_alarms`` is the average run length promised for the system as a whole.
    Source: Shin, Ramdas, Rinaldo, arXiv 2203.03532 (average run length of e-SR); the mean of the
    streams' M is a detector too.
    Raises ``ValueError`` for a budget under one pane or no streams.
    """
    if panes_between_false_alarms < 1 or streams < 1:
        raise ValueError("an alarm line needs a budget of at least one pane and at least one stream")
    return panes_between_false_alarms * streams
