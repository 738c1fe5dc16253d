"""Repeated measurements, and how they are told: the median, with the smallest and the largest beside it."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

MICROSECONDS = 1_000_000
MEBIBYTE = 1_048_576


@dataclass(frozen=True, slots=True)
class Rate:
    """``count`` things in ``seconds``."""

    count: int
    seconds: float

    @property
    def per_second(self) -> float:
        return self.count / self.seconds


def spread(values: Sequence[float], form: str = ",.0f") -> str:
    """``12,000 (11,000 to 12,500)``"""
    return f"{median(values):{form}} ({min(values):{form}} to {max(values):{form}})"


def ratios(over: Sequence[Rate], under: Sequence[Rate]) -> list[float]:
    """One ratio for each repeat: both were measured one after the other, so that the machine's mood cancels out."""
    return [above.per_second / below.per_second for above, below in zip(over, under, strict=True)]


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def mebibytes(count: float) -> str:
    return f"{count / MEBIBYTE:.0f} MiB"
