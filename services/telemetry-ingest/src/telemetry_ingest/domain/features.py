"""Counts the features of predictions: on the reference in force, or value by value until there is one."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from flyball.schemas.drift import CategoricalReference, DriftReference, NumericReference
from flyball.schemas.native import FeatureValue
from flyball.schemas.summaries import (
    CategoryFeatureCounts,
    FeatureStatistics,
    FeatureValues,
    NumericFeatureCounts,
)
from flyball.stats.reference import NumericBins, count_categories, count_numeric

NUMBER_BYTES = 32
"""What a number and its count take in a record, at most."""
ESCAPED_BYTES = 6
"""What a character takes in JSON, at most."""
NAME_BYTES = 64
"""What stands around the name of a feature."""


@dataclass(frozen=True, slots=True)
class Yardstick:
    """One version of a reference, ready to count on."""

    reference: DriftReference
    numeric: Mapping[str, NumericBins]
    categories: Mapping[str, Mapping[str, int]]

    @property
    def version(self) -> int:
        return self.reference.version

    @staticmethod
    def of(reference: DriftReference) -> "Yardstick":
        features = reference.features.items()
        return Yardstick(
            reference,
            {name: _bins(feature) for name, feature in features if isinstance(feature, NumericReference)},
            {name: feature.counts for name, feature in features if isinstance(feature, CategoricalReference)},
        )


@dataclass(slots=True)
class FeatureTally:
    """Rows of one bucket on one yardstick, or on none."""

    yardstick: Yardstick | None
    rows: int = 0
    numbers: dict[str, list[float]] = field(default_factory=dict)
    texts: dict[str, Counter[str]] = field(default_factory=dict)

    @property
    def keeps_values(self) -> bool:
        """Is there no reference yet, or one that says to learn anew? One of indicators alone wants no features."""
        reference = self.yardstick.reference if self.yardstick else None
        return reference is None or not (reference.features or reference.indicators)

    def add(self, features: Mapping[str, FeatureValue]) -> int:
        """Add a row. Returns what its values may take in a record at most, in bytes.

        Counts on a reference take no more than the reference does, so there it is nothing.
        """
        self.rows += 1
        taken = 0
        numbers = self.numbers
        for name, value in features.items():
            if value is None:
                continue
            if isinstance(value, str):
                taken += self._add_text(name, value)
            elif (known := numbers.get(name)) is not None:
                known.append(value)
            else:
                numbers[name] = [value]
                taken += ESCAPED_BYTES * len(name) + NAME_BYTES
        return taken + NUMBER_BYTES * len(features) if self.keeps_values else 0

    def _add_text(self, name: str, value: str) -> int:
        texts = self.texts.get(name)
        if texts is None:
            texts = self.texts[name] = Counter()
        texts[value] += 1
        # The first of its kind takes room, and perhaps its name does.
        return ESCAPED_BYTES * (len(value) + len(name)) + NAME_BYTES if texts[value] == 1 else 0

    def freeze(self) -> FeatureStatistics:
        if self.keeps_values or self.yardstick is None:
            return self._values()
        numeric, categories = self.yardstick.numeric, self.yardstick.categories
        return FeatureStatistics.model_construct(
            reference_version=self.yardstick.version if self.yardstick else 0,
            rows=self.rows,
            numeric={name: self._numeric(name, bins) for name, bins in sorted(numeric.items())},
            categorical={name: self._categorical(name, known) for name, known in sorted(categories.items())},
            values={},
        )

    def _values(self) -> FeatureStatistics:
        return FeatureStatistics.model_construct(
            reference_version=self.yardstick.version if self.yardstick else 0,
            rows=self.rows,
            numeric={},
            categorical={},
            values={name: self._of(name) for name in sorted({*self.numbers, *self.texts})},
        )

    def _of(self, name: str) -> FeatureValues:
        # Adding 0.0 makes one zero of two.
        numbers = Counter(value + 0.0 for value in self.numbers.get(name, ()))
        texts = self.texts.get(name, Counter())
        return FeatureValues.model_construct(numbers=dict(sorted(numbers.items())), texts=dict(sorted(texts.items())))

    def _numeric(self, name: str, bins: NumericBins) -> NumericFeatureCounts:
        values, unparsable = self.numbers.get(name, []), self.texts.get(name, Counter()).total()
        counted = count_numeric(bins, values)
        held = np.flatnonzero(counted.counts).tolist()
        return NumericFeatureCounts.model_construct(
            bins={index: int(counted.counts[index]) for index in held},
            nulls=self.rows - len(values) - unparsable,
            unparsable=unparsable,
            out_of_range=counted.out_of_range,
        )

    def _categorical(self, name: str, known: Mapping[str, int]) -> CategoryFeatureCounts:
        texts, unparsable = self.texts.get(name, Counter()), len(self.numbers.get(name, ()))
        counts, new, _ = count_categories(known, texts.elements())
        return CategoryFeatureCounts.model_construct(
            known={value: int(count) for value, count in zip(known, counts, strict=True) if count},
            new=new,
            nulls=self.rows - texts.total() - unparsable,
            unparsable=unparsable,
        )


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
