"""How the events themselves fared."""

from collections import Counter
from dataclasses import dataclass, field

from flyball.schemas.summaries import ExpectationCounts, MeasurementStatistics
from telemetry_ingest.domain.marks import Mark


@dataclass(slots=True)
class MeasurementTally:
    counted: int = 0
    duplicates: int = 0
    rejected: Counter[str] = field(default_factory=Counter)
    late: int = 0
    suspect: int = 0
    other_labels: int = 0
    expectations: dict[str, list[int]] = field(default_factory=dict)
    """Rows, nulls and broken ones by field."""

    def add(self, mark: Mark) -> None:
        self.suspect += mark.is_suspect
        self.other_labels += mark.other_labels
        for name, is_null, is_broken in mark.checked:
            counts = self.expectations.setdefault(name, [0, 0, 0])
            counts[0] += 1
            counts[1] += is_null
            counts[2] += is_broken

    def freeze(self) -> MeasurementStatistics:
        return MeasurementStatistics.model_construct(
            counted=self.counted,
            duplicates=self.duplicates,
            rejected=dict(sorted(self.rejected.items())),
            late=self.late,
            suspect=self.suspect,
            other_labels=self.other_labels,
            expectations={
                name: ExpectationCounts.model_construct(rows=rows, nulls=nulls, broken=broken)
                for name, (rows, nulls, broken) in sorted(self.expectations.items())
            },
        )
