"""Bets against "the rows still come from the reference": what a row in bin k multiplies the evidence by.

Each bet has an expected factor of at most 1 per row for every distribution that the reference cannot rule out, so
products of them are evidence that may be looked at after every row. Bets are kept as logarithms per bin: the evidence
of a pane is then a product of the bets with the pane's counts, and does not depend on the order of its rows.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from flyball.stats.neyman_scores import FloatArray, neyman_scores
from flyball.stats.proportions import clopper_pearson_lower, clopper_pearson_upper

LAMBDAS = (0.06, 0.12, 0.25, 0.5)
LARGEST_LOSS = 0.9
"""No row takes more than this share of a bet's stake, whatever its score: a factor must stay positive."""
UPWARD = (1.15, 1.5, 2.5, 6.0, 30.0)
DOWNWARD = (0.9, 0.7, 0.4)
REFERENCE_DOUBT = 0.05
TOLERANCE_DEVIATIONS = 2.0

BoolArray = npt.NDArray[np.bool_]
Scalar = TypeVar("Scalar", bound=np.generic)


@dataclass(frozen=True)
class Bets:
    """The bets of S streams, each with at most B bets on at most K bins.

    ``log_gain`` (S, B, K) is the logarithm of a row's factor; ``active`` (S, B) is false for a bet that its reference
    cannot carry (a constant column has no location to bet on) and for padding.
    """

    log_gain: FloatArray
    active: BoolArray


def score_bets(reference_counts: npt.ArrayLike, dispersion: float = 1.0) -> Bets:
    """Sixteen bets of one numeric feature: {.06, .12, .25, .5} x sign x {location, scale}; shape (1, 16, K).

    log factor of bin k = (log(1 + lambda phi(k)) - log(1 + lambda eps)) / dispersion, with eps = 2 sqrt(dispersion/n0):
    the mean of a score is only known to 1/sqrt(n0) from n0 reference rows. ``dispersion`` >= 1 is the variance of a
    pane's score sum over that of independent rows.
    Source: J. Shin, A. Ramdas, A. Rinaldo, "E-detectors", arXiv 2203.03532 (bounded means).
    A reference without rows carries no bet.
    """
    rows = float(np.sum(np.asarray(reference_counts)))
    tolerance = TOLERANCE_DEVIATIONS * np.sqrt(dispersion / rows) if rows else 0.0
    signed = np.concatenate([sign * neyman_scores(reference_counts) for sign in (1, -1)])
    stakes = _safe_stakes(signed)
    gain = np.log1p(stakes[..., None] * signed[:, None]) - np.log1p(stakes * tolerance)[..., None]
    active = np.broadcast_to(np.any(signed != 0, axis=1)[:, None], stakes.shape)
    return Bets((gain / dispersion).reshape(1, stakes.size, -1), active.reshape(1, -1).copy())


def rate_bets(hits: float, rows: float, streams: int, dispersion: float = 1.0) -> Bets:
    """Eight likelihood-ratio bets on a rate with ``hits`` in ``rows`` of the reference; shape (1, 8, 2).

    Bin 0 is a miss, bin 1 a hit. The rate is bet to be {1.15, 1.5, 2.5, 6, 30} times its upper Clopper-Pearson bound,
    or {.9, .7, .4} times its lower one, each at .05/(2 x streams): the plugged-in rate itself would raise false
    alarms. ``streams`` is how many streams the system has. Dependent rows count ``1/dispersion`` each.
    Source: Shin, Ramdas, Rinaldo, arXiv 2203.03532 (Bernoulli); C. J. Clopper, E. S. Pearson (1934).
    A reference without rows carries no bet.
    """
    if rows <= 0:
        return Bets(np.zeros((1, len(UPWARD) + len(DOWNWARD), 2)), np.zeros((1, len(UPWARD) + len(DOWNWARD)), bool))
    confidence = 1 - REFERENCE_DOUBT / (2 * streams)
    upper = clopper_pearson_upper(hits / dispersion, rows / dispersion, confidence)
    lower = clopper_pearson_lower(hits / dispersion, rows / dispersion, confidence)
    null = np.array([upper] * len(UPWARD) + [lower] * len(DOWNWARD))
    raised = np.minimum(np.array(UPWARD) * upper, (1 + upper) / 2)
    alternative = np.concatenate((raised, np.array(DOWNWARD) * lower))
    active = (null > 0) & (null < 1)
    return Bets(_likelihood_ratio(alternative, null, active)[None] / dispersion, active[None])


def stack(bets: Sequence[Bets]) -> Bets:
    """One ``Bets`` of all streams, padded to the widest; pad the counts with zeros likewise.

    Raises ``ValueError`` for an empty sequence.
    """
    if not bets:
        raise ValueError("no streams: a system without features has nothing to detect")
    wide = max(each.log_gain.shape[1] for each in bets), max(each.log_gain.shape[2] for each in bets)
    return Bets(
        np.concatenate([_padded(each.log_gain, wide) for each in bets]),
        np.concatenate([_padded(each.active, wide[:1]) for each in bets]),
    )


def _safe_stakes(scores: FloatArray) -> FloatArray:
    """Lambda per score and bet, (scores, lambdas), lowered where the worst bin would lose more than is allowed."""
    worst = np.maximum(-scores.min(axis=1), np.finfo(float).tiny)
    return np.asarray(np.minimum(np.array(LAMBDAS), (LARGEST_LOSS / worst)[:, None]), dtype=np.float64)


def _likelihood_ratio(alternative: FloatArray, null: FloatArray, active: BoolArray) -> FloatArray:
    safe_null, safe_alternative = np.where(active, null, 0.5), np.where(active, alternative, 0.5)
    hit = np.log(safe_alternative / safe_null)
    miss = np.log1p(-safe_alternative) - np.log1p(-safe_null)
    return np.stack((miss, hit), axis=-1)


def _padded(array: npt.NDArray[Scalar], wide: tuple[int, ...]) -> npt.NDArray[Scalar]:
    return np.pad(array, [(0, 0), *((0, size - have) for size, have in zip(wide, array.shape[1:], strict=True))])
