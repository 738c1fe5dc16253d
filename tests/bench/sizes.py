"""How much is measured. The defaults take about 25 minutes on two cores."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Sizes:
    events: int = 200_000
    """Of an ingest run."""
    spans: int = 100_000
    """Of an OTLP run."""
    ids: int = 1_000_000
    pairs: int = 200_000
    """Predictions that wait, each with its outcome."""
    summaries: int = 6_000
    """Of a ledger run."""
    history: int = 1_000_000
    """Entries of the long history."""
    scale: float = 0.05
    """Share of the simulated runs and rows."""
    repeats: int = 3

    @property
    def few(self) -> int:
        """Repeats of what takes minutes each."""
        return min(self.repeats, 2)
