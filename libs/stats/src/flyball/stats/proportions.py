"""Bounds on a proportion."""

from scipy.special import betaincinv


def clopper_pearson_lower(successes: float, trials: float, confidence: float) -> float:
    """One-sided exact lower bound of a proportion, in [0, 1].

    ``successes`` and ``trials`` may be effective sizes, so fractions are allowed.
    Source: C. J. Clopper, E. S. Pearson, Biometrika 26 (1934) 404-413, in its beta form.
    Raises ``ValueError`` when there are no trials: no data is not a proportion.
    """
    _require_trials(trials)
    if successes <= 0:
        return 0.0
    return float(betaincinv(successes, trials - successes + 1, 1 - confidence))


def clopper_pearson_upper(successes: float, trials: float, confidence: float) -> float:
    """One-sided exact upper bound of a proportion, in [0, 1].

    ``successes`` and ``trials`` may be effective sizes, so fractions are allowed.
    Source: C. J. Clopper, E. S. Pearson, Biometrika 26 (1934) 404-413, in its beta form.
    Raises ``ValueError`` when there are no trials: no data is not a proportion.
    """
    _require_trials(trials)
    if successes >= trials:
        return 1.0
    return float(betaincinv(successes + 1, trials - successes, confidence))


def clopper_pearson_interval(successes: float, trials: float, confidence: float) -> tuple[float, float]:
    """Two-sided exact interval of a proportion: (lower, upper), each missed with half of ``1 - confidence`` at most.

    Source and errors as the one-sided bounds.
    """
    one_sided = (1 + confidence) / 2
    return (
        clopper_pearson_lower(successes, trials, one_sided),
        clopper_pearson_upper(successes, trials, one_sided),
    )


def kish_effective_size(weight_sum: float, squared_weight_sum: float) -> float:
    """How many equally weighted observations carry as much information as these weighted ones.

    Source: L. Kish, Survey Sampling, 1965, section 8.2.
    """
    return weight_sum**2 / squared_weight_sum if squared_weight_sum > 0 else 0.0


def _require_trials(trials: float) -> None:
    if trials <= 0:
        raise ValueError("no trials: a proportion of nothing has no bound")
