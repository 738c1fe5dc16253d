"""What users said."""

from collections import Counter
from dataclasses import dataclass, field

from flyball.schemas.plain import FeedbackGiven
from flyball.schemas.summaries import FeedbackStatistics


@dataclass(slots=True)
class FeedbackTally:
    count: int = 0
    ratings: Counter[int] = field(default_factory=Counter)
    thumbs_up: int = 0
    thumbs_down: int = 0
    complaints: int = 0

    def add(self, event: FeedbackGiven) -> None:
        self.count += 1
        if event.rating is not None:
            self.ratings[event.rating] += 1
        self.thumbs_up += event.thumb == "up"
        self.thumbs_down += event.thumb == "down"
        self.complaints += event.complaint

    def freeze(self) -> FeedbackStatistics:
        return FeedbackStatistics.model_construct(
            count=self.count,
            ratings=dict(sorted(self.ratings.items())),
            thumbs_up=self.thumbs_up,
            thumbs_down=self.thumbs_down,
            complaints=self.complaints,
        )
