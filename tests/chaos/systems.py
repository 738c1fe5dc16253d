"""The systems of the load: how badly each behaves, and what is asked of it."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

MILLION = 1_000_000
DIMENSIONS = ("accuracy", "availability", "performance", "safety")


@dataclass(frozen=True, slots=True)
class Asked:
    """Targets in parts per million, weights in thousandths; the defaults are those of the specification."""

    accuracy_ppm: int = 950_000
    accuracy_weight: int = 1_000
    metric: str = "factuality"
    safety_ppm: int = 999_000
    safety_weight: int = 20_000
    performance_ppm: int = 950_000
    performance_weight: int = 300
    latency_max_ms: int = 5_000
    availability_ppm: int = 999_000
    availability_weight: int = 1_000
    minute_ppm: int = 995_000
    window_days: int = 30

    def spec(self, system: str) -> dict[str, Any]:
        """The system spec that declares these."""
        targets = {
            "accuracy": {
                "target_ppm": self.accuracy_ppm,
                "weight_milli": self.accuracy_weight,
                "metric": self.metric,
            },
            "safety": {"target_ppm": self.safety_ppm, "weight_milli": self.safety_weight},
            "performance": {
                "target_ppm": self.performance_ppm,
                "weight_milli": self.performance_weight,
                "latency_max_ms": self.latency_max_ms,
            },
            "availability": {
                "target_ppm": self.availability_ppm,
                "weight_milli": self.availability_weight,
                "minute_target_ppm": self.minute_ppm,
            },
        }
        return {"system": system, "targets": targets, "window_days": self.window_days}


@dataclass(frozen=True, slots=True)
class System:
    """Shares of errors, slow answers, wrong answers and attacks that get through; ``declared``: to the registry."""

    name: str
    failing: float
    slow: float
    wrong: float
    breached: float
    declared: bool = False
    asked: Asked = field(default_factory=Asked)


SYSTEMS = (
    System("support-agent", failing=0.002, slow=0.02, wrong=0.03, breached=0.0),
    System("billing-agent", failing=0.03, slow=0.10, wrong=0.08, breached=0.01),
    System("fraud-model", failing=0.0, slow=0.0, wrong=0.01, breached=0.001),
    System("search-rag", failing=0.01, slow=0.25, wrong=0.20, breached=0.05),
    System("triage.v2", failing=0.10, slow=0.05, wrong=0.02, breached=0.0),
    System(
        "claims-agent",
        failing=0.004,
        slow=0.04,
        wrong=0.05,
        breached=0.002,
        declared=True,
        asked=Asked(accuracy_ppm=970_000, accuracy_weight=3_000, metric="groundedness", latency_max_ms=2_500),
    ),
    System(
        "vendor_copilot",
        failing=0.02,
        slow=0.08,
        wrong=0.10,
        breached=0.02,
        declared=True,
        asked=Asked(availability_ppm=990_000, minute_ppm=950_000, safety_weight=7_500, window_days=14),
    ),
    System(
        "credit-scorer",
        failing=0.001,
        slow=0.01,
        wrong=0.02,
        breached=0.003,
        declared=True,
        asked=Asked(performance_ppm=900_000, performance_weight=1_250, window_days=7),
    ),
)


def registrations() -> dict[str, dict[str, Any]]:
    """What ``registry.systems.v1`` holds of each declared system: one revision, in force since long ago."""
    effective_at = datetime(2020, 1, 1, tzinfo=UTC).isoformat()
    return {
        system.name: {
            "tenant": "default",
            "system": system.name,
            "revisions": [
                {
                    "version": 1,
                    "effective_at": effective_at,
                    "author": "chaos",
                    "spec": system.asked.spec(system.name),
                }
            ],
        }
        for system in SYSTEMS
        if system.declared
    }
