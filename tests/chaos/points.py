"""The budgets' arithmetic, once more: points granted and burned by what was counted, whatever the order."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from tests.chaos.records import Content
from tests.chaos.recount import latency_us
from tests.chaos.systems import DIMENSIONS, MILLION, SYSTEMS, Asked

MINUTE_SECONDS = 60
DAY_SECONDS = 86_400
Budget = tuple[str, str]
"""System and dimension."""


@dataclass(slots=True)
class Points:
    """What a budget got and lost, and from how many events (minutes for availability)."""

    granted: int = 0
    burned: int = 0
    events: int = 0
    bad: int = 0

    def score(self, good: bool, target_ppm: int, weight_milli: int, sampling_ppm: int = MILLION) -> None:
        """One scored event grants (1 - T) of a million points and, when bad, burns its weight, both scaled by 1/p."""
        self.granted += (MILLION - target_ppm) * MILLION // sampling_ppm
        self.events += 1
        if not good:
            self.burned += weight_milli * 1_000 * MILLION // sampling_ppm
            self.bad += 1


def points(counted: Iterable[Content]) -> dict[Budget, Points]:
    """Every budget of every system that anything was scored for; the others of that system stand at zero."""
    asked = {system.name: system.asked for system in SYSTEMS}
    found: dict[Budget, Points] = {}
    minutes: defaultdict[tuple[str, datetime], list[bool]] = defaultdict(list)
    for content in counted:
        if content.kind in _SCORES:
            for dimension in DIMENSIONS:
                found.setdefault((content.system, dimension), Points())
            _SCORES[content.kind](found, content, asked[content.system])
        if content.kind == "interaction.completed":
            at = content.time.replace(second=0, microsecond=0)
            minutes[content.system, at].append(content.data["outcome"] == "ok")
    for (system, _), outcomes in minutes.items():
        _score_minute(found[system, "availability"], outcomes, asked[system])
    return found


def _interaction(found: dict[Budget, Points], content: Content, asked: Asked) -> None:
    fast = latency_us(content.data) < asked.latency_max_ms * 1_000
    found[content.system, "performance"].score(fast, asked.performance_ppm, asked.performance_weight)


def _evaluation(found: dict[Budget, Points], content: Content, asked: Asked) -> None:
    passed = content.data.get("passed")
    if content.data["metric"] == asked.metric and passed is not None:
        sampling_ppm = round(content.data["sampling_rate"] * MILLION)
        budget = found[content.system, "accuracy"]
        budget.score(passed, asked.accuracy_ppm, asked.accuracy_weight, sampling_ppm)


def _guardrail(found: dict[Budget, Points], content: Content, asked: Asked) -> None:
    if content.data["malicious"] is True:
        budget = found[content.system, "safety"]
        budget.score(content.data["blocked"], asked.safety_ppm, asked.safety_weight)


def _score_minute(budget: Points, outcomes: list[bool], asked: Asked) -> None:
    """A time budget is granted whole; each minute with too few successes burns its sixty seconds."""
    budget.granted = (MILLION - asked.availability_ppm) * asked.window_days * DAY_SECONDS
    budget.events += 1
    if sum(outcomes) * MILLION < asked.minute_ppm * len(outcomes):
        budget.burned += MINUTE_SECONDS * asked.availability_weight * 1_000
        budget.bad += 1


_SCORES = {
    "interaction.completed": _interaction,
    "evaluation.recorded": _evaluation,
    "guardrail.checked": _guardrail,
}
