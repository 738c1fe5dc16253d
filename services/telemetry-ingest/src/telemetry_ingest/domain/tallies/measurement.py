"""How the events themselves fared."""

from collections import Counter
from dataclasses import dataclass, field

from flyball.schemas.summaries import MeasurementStatistics


@dataclass(slots=True)
class MeasurementTally:
    counted: int = 0
    duplicates: int = 0
    rejected: Counter[str] = field(default_factory=Counter)
    late: int = 0

    def freeze(self) -> MeasurementStatistics:
        return MeasurementStatistics.model_construct(
            counted=self.counted,
            duplicates=self.duplicates,
            rejected=dict(sorted(self.rejected.items())),
            late=self.late,
        )
