"""May a system do more alone? Evidence that its errors are rare, and an alarm when they no longer are.

Both bet on audited outcomes (1 = error) one by one, both may be looked at after each.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy.special import logsumexp

STAKES: Final = (0.1, 0.3, 0.6, 0.9)
PASS_AT: Final = 20.0
RATE_MULTIPLES: Final = (1.25, 1.5, 2.0, 4.0, 10.0)
ALARM_AT: Final = 10_000.0


def log_gate_evidence(errors: int, audited: int, limit: float) -> float:
    """Logarithm of the e-value against "the error rate is ``limit`` or more"; the gate passes at log(20) or more.

    Mean over lambda in {.1, .3, .6, .9}/(1 - m) of exp(k log(1 + lambda (m - 1)) + (n - k) log(1 + lambda m)) for k
    errors in n audited and the limit m, a fraction. A later error lowers it: the current value counts.
    Source: I. Waudby-Smith, A. Ramdas, J. R. Statistical Society B 86 (2024) 1-27, arXiv 2010.09686.
    Raises ``ValueError`` for impossible counts or a limit outside (0, 1).
    """
    _require_limit(limit)
    if not 0 <= errors <= audited:
        raise ValueError(f"{errors} errors in {audited} audited actions cannot be")
    lost = np.log1p(-np.array(STAKES))
    won = np.log1p(np.array(STAKES) * limit / (1 - limit))
    return float(logsumexp(errors * lost + (audited - errors) * won) - np.log(len(STAKES)))


def log_stratified_evidence(strata: Sequence[tuple[int, int]], limit: float) -> float:
    """The gate with unequal sampling: (errors, audited) per stratum; all must pass, so the least evidence counts.

    Raises ``ValueError`` without strata.
    """
    if not strata:
        raise ValueError("the gate needs at least one stratum of audits")
    return min(log_gate_evidence(errors, audited, limit) for errors, audited in strata)


def clean_audits_needed(limit: float, errors: int = 0) -> int:
    """How many audits pass the gate with ``errors`` errors among them: 149 for a limit of 3 % without any."""
    enough = max(errors, 1)
    while log_gate_evidence(errors, enough, limit) < np.log(PASS_AT):
        enough *= 2
    short = enough // 2
    while enough - short > 1:
        middle = max((enough + short) // 2, errors)
        passes = log_gate_evidence(errors, middle, limit) >= np.log(PASS_AT)
        short, enough = (short, middle) if passes else (middle, enough)
    return enough


@dataclass(frozen=True)
class ErrorDetector:
    """Logarithm of S per bet, before the first outcome -inf; ``limit`` is the tolerated error rate, a fraction."""

    limit: float
    log_s: tuple[float, ...]

    @property
    def log_statistic(self) -> float:
        """Logarithm of the mean of S over the bets; alarm at log(10,000): one false alarm in 10,000 audits."""
        return float(logsumexp(self.log_s) - np.log(len(self.log_s)))

    @property
    def alarms(self) -> bool:
        return self.log_statistic >= float(np.log(ALARM_AT))


def error_detector(limit: float) -> ErrorDetector:
    """A detector before its first outcome. Raises ``ValueError`` for a limit outside (0, 1)."""
    return ErrorDetector(limit, (-np.inf,) * len(detector_lambdas(limit)))


def detector_lambdas(limit: float) -> tuple[float, ...]:
    """Best bets on {1.25, 1.5, 2, 4, 10} times the limit: lambda = (multiple - 1)/(1 - m), where that is a rate.

    A limit of 80 % or more leaves none of these; then the bet is on halfway between the limit and 1.
    """
    _require_limit(limit)
    multiples = [multiple for multiple in RATE_MULTIPLES if multiple * limit < 1] or [(1 + limit) / (2 * limit)]
    return tuple((multiple - 1) / (1 - limit) for multiple in multiples)


def after_outcome(detector: ErrorDetector, *, error: bool) -> ErrorDetector:
    """The detector after one audited outcome: S = (1 + S)(1 + lambda (x - m)).

    Source: J. Shin, A. Ramdas, A. Rinaldo, "E-detectors", arXiv 2203.03532.
    """
    lambdas = np.array(detector_lambdas(detector.limit))
    gain = np.log1p(lambdas * (float(error) - detector.limit))
    moved = np.logaddexp(np.array(detector.log_s), 0.0) + gain
    return ErrorDetector(detector.limit, tuple(float(value) for value in moved))


def _require_limit(limit: float) -> None:
    if not 0 < limit < 1:
        raise ValueError(f"an error limit lies between 0 and 1, not at {limit}")
