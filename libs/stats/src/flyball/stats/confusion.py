"""What a table of true and predicted classes says, with how sure it is of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
SCORES: Final = ("precision", "recall", "f1")


@dataclass(frozen=True, slots=True)
class Scored:
    """A fraction and the variance of its estimate."""

    value: float
    variance: float


def confusion_matrix(confusion: Mapping[str, Mapping[str, int]]) -> tuple[Sequence[str], FloatArray]:
    """The classes in order, and counts (k, k): rows are true classes, columns predicted ones."""
    named = sorted({*confusion, *(name for row in confusion.values() for name in row)})
    at = {name: index for index, name in enumerate(named)}
    matrix = np.zeros((len(named), len(named)))
    for true, row in confusion.items():
        for predicted, count in row.items():
            matrix[at[true], at[predicted]] += count
    return named, matrix


def class_scores(matrix: FloatArray, classes: Sequence[int]) -> Mapping[str, Scored | None]:
    """Precision, recall and F1 of ``classes``, averaged over those of them for which each is defined; None if none is.

    ``matrix`` (k, k) as of ``confusion_matrix``. The variances are those of the delta method for multinomial rows.
    Source: K. Takahashi, K. Yamamoto, A. Kuchiba, T. Koyama, Applied Intelligence 52 (2022) 4961-4972.
    """
    shares = matrix / matrix.sum() if matrix.sum() else matrix
    return {name: _averaged(name, shares, classes, float(matrix.sum())) for name in SCORES}


def _averaged(name: str, shares: FloatArray, classes: Sequence[int], rows: float) -> Scored | None:
    parts = [part for part in (_one(name, shares, each) for each in classes) if part is not None]
    if not parts:
        return None
    value = sum(part[0] for part in parts) / len(parts)
    gradient = np.sum([part[1] for part in parts], axis=0) / len(parts)
    spread = float((shares * gradient**2).sum() - (shares * gradient).sum() ** 2)
    return Scored(float(value), max(0.0, spread) / rows)


def _one(name: str, shares: FloatArray, at: int) -> tuple[float, FloatArray] | None:
    """A class's score hits / base, and its gradient over the cells of ``shares``."""
    base, slope = _base(name, shares, at)
    if base <= 0:
        return None
    hits = (2 if name == "f1" else 1) * shares[at, at]
    gradient = -hits / base**2 * slope
    gradient[at, at] += (2 if name == "f1" else 1) / base
    return float(hits / base), gradient


def _base(name: str, shares: FloatArray, at: int) -> tuple[float, FloatArray]:
    slope = np.zeros_like(shares)
    if name != "recall":
        slope[:, at] += 1
    if name != "precision":
        slope[at, :] += 1
    return float((shares * slope).sum()), slope
