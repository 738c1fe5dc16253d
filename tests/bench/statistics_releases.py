"""Rollouts by simulation: many at once, a block a minute, looked at after every block."""

from dataclasses import dataclass

import numpy as np
from scipy.special import logsumexp, rel_entr

from flyball.stats.neyman_scores import FloatArray
from flyball.stats.two_sample_betting import (
    BASELINE_ROWS_MIN,
    HARM_EFFECTS,
    MEMORY,
    NON_INFERIORITY_EFFECTS,
    PROMOTION_TOLERANCE,
    harm_tolerance,
    log_block_factors,
)

HARM_ALPHA, PROMOTION_ALPHA = 0.01, 0.05
SECONDS_PER_BLOCK = 60


@dataclass(frozen=True)
class Traffic:
    """``runs`` rollouts of one kind. ``incidents``: the rate of both arms is 20 % for ten minutes every two hours.

    ``drift``: the rate of both arms swings by half of itself once in 24 hours.
    """

    runs: int
    per_second: float
    baseline_rate: float
    excess: float = 0.0
    share: float = 0.05
    minutes: int = 1_440
    incidents: bool = False
    drift: bool = False

    def blocks(self, rng: np.random.Generator) -> FloatArray:
        """(minutes, 4, runs): bad and count of the baseline, bad and count of the candidate."""
        rows = rng.poisson(self.per_second * SECONDS_PER_BLOCK, (self.minutes, self.runs))
        candidate = rng.binomial(rows, self.share)
        rate = self._rates()[:, None]
        bad_candidate = rng.binomial(candidate, np.minimum(rate + self.excess, 1))
        bad_baseline = rng.binomial(rows - candidate, rate)
        return np.stack((bad_baseline, rows - candidate, bad_candidate, candidate), axis=1).astype(np.float64)

    def _rates(self) -> FloatArray:
        minute = np.arange(self.minutes)
        swing = 1 + 0.5 * np.sin(2 * np.pi * minute / 1_440) * self.drift
        incident = (minute % 120 < 10) & (minute >= 10) & self.incidents
        return np.where(incident, 0.2, self.baseline_rate * swing)

    def least_minutes(self, true_rate: float, tolerated_rate: float, alpha: float) -> float:
        """What even a test would take on average that knew all rates from the start (Wald, 1945).

        Its evidence grows by the Kullback-Leibler divergence a row of the candidate, and must reach log(1 / alpha).
        """
        divergence = float(rel_entr(true_rate, tolerated_rate) + rel_entr(1 - true_rate, 1 - tolerated_rate))
        rows_per_minute = self.per_second * self.share * 60
        return float(np.log(1 / alpha)) / divergence / rows_per_minute

    def least_minutes_to_roll_back(self) -> float:
        tolerated = self.baseline_rate + float(harm_tolerance(np.array(self.baseline_rate)))
        return self.least_minutes(self.baseline_rate + self.excess, tolerated, HARM_ALPHA)

    def least_minutes_to_promote(self) -> float:
        return self.least_minutes(self.baseline_rate, self.baseline_rate + PROMOTION_TOLERANCE, PROMOTION_ALPHA)


@dataclass(frozen=True)
class Outcome:
    """Minute at which each run crossed, ``inf`` if it never did; shape (runs,)."""

    harm: FloatArray
    promotion: FloatArray

    @property
    def rolled_back(self) -> float:
        return float(np.isfinite(self.harm).mean())

    @property
    def promoted(self) -> float:
        """Share of the runs that were promoted before anything rolled them back."""
        return float((self.promotion < self.harm).mean())


def simulated(traffic: Traffic, rng: np.random.Generator, guardrails: int = 1) -> Outcome:
    """Run the harm and the promotion test of each rollout over the same blocks."""
    recent = np.zeros((2, traffic.runs))
    harm = _Test(HARM_EFFECTS, 1, float(np.log(guardrails / HARM_ALPHA)), traffic.runs)
    promotion = _Test(NON_INFERIORITY_EFFECTS, -1, float(np.log(1 / PROMOTION_ALPHA)), traffic.runs)
    for minute, block in enumerate(traffic.blocks(rng)):
        rate = (recent[0] + 0.5) / (recent[1] + 1)
        known = recent[1] >= BASELINE_ROWS_MIN
        harm.look(block, rate, harm_tolerance(rate), known, minute + 1)
        promotion.look(block, rate, np.full(traffic.runs, PROMOTION_TOLERANCE), known, minute + 1)
        recent = MEMORY * recent + block[:2]
    return Outcome(harm.crossed, promotion.crossed)


class _Test:
    def __init__(self, effects: tuple[float, ...], side: int, line: float, runs: int) -> None:
        self.effects = np.array(effects)[:, None]
        self.side, self.line = side, line
        self.log_e = np.zeros((len(effects), runs))
        self.crossed = np.full(runs, np.inf)

    def look(self, block: FloatArray, rate: FloatArray, tolerance: FloatArray, known: FloatArray, minute: int) -> None:
        gain = log_block_factors(block[:, None], rate, self.effects, tolerance, self.side)
        self.log_e += np.where(known, gain, 0.0)
        value = logsumexp(self.log_e, axis=0) - np.log(len(self.effects))
        self.crossed = np.where((value >= self.line) & np.isinf(self.crossed), minute, self.crossed)
