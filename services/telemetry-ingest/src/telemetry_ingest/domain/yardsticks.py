"""References as what features are counted on."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from flyball.schemas.drift import CategoricalReference, DriftReference, NumericReference, reference_in_force
from flyball.stats.reference import NumericBins


@dataclass(frozen=True, slots=True, eq=False)
class Yardstick:
    """One version of a reference, ready to count on."""

    reference: DriftReference
    numeric: Mapping[str, NumericBins]
    categories: Mapping[str, Mapping[str, int]]

    @property
    def version(self) -> int:
        return self.reference.version

    @property
    def keeps_values(self) -> bool:
        """Does it say to learn anew? One of indicators alone wants no features."""
        return not (self.reference.features or self.reference.indicators)

    @staticmethod
    def of(reference: DriftReference) -> "Yardstick":
        features = reference.features.items()
        return Yardstick(
            reference,
            {name: _bins(feature) for name, feature in features if isinstance(feature, NumericReference)},
            {name: feature.counts for name, feature in features if isinstance(feature, CategoricalReference)},
        )


Yardsticks = Mapping[tuple[str, str], Sequence[Yardstick]]
"""References that may be in force, by tenant and system."""


def in_force(known: Sequence[Yardstick], at: datetime) -> Yardstick | None:
    """The newest that has taken effect at ``at``."""
    reference = reference_in_force((one.reference for one in known), at)
    return next((one for one in known if one.reference is reference), None)


def _bins(feature: NumericReference) -> NumericBins:
    return NumericBins(
        np.array(feature.edges),
        np.array(feature.counts, dtype=np.int64),
        feature.rows,
        feature.nulls,
        feature.minimum,
        feature.maximum,
        feature.standard_deviation,
    )
