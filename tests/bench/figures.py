"""Repeated measurements, and how they are told: the median, with the smallest and the largest beside it."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

MICROSECONDS = 1_000_000
MEBIBYTE = 1_048_576
MEGABYTE = 1_000_000


@dataclass(frozen=True, slots=True)
class Rate:
    """``count`` things in ``seconds``, for which processors worked ``cpu_seconds``."""

    count: int
    seconds: float
    cpu_seconds: float

    @property
    def per_second(self) -> float:
        return self.count / self.seconds

    @property
    def cpu_us(self) -> float:
        """Processor time for each, which other work on the machine changes least."""
        return self.cpu_seconds / self.count * MICROSECONDS


def spread(values: Sequence[float], form: str = ",.0f") -> str:
    """``12,000 (11,000 to 12,500)``"""
    return f"{median(values):{form}} ({min(values):{form}} to {max(values):{form}})"


def ratios(over: Sequence[Rate], under: Sequence[Rate]) -> list[float]:
    """One ratio for each repeat: both were measured one after the other, so that the machine's mood cancels out."""
    return [above.per_second / below.per_second for above, below in zip(over, under, strict=True)]


def cpu_ratios(over: Sequence[Rate], under: Sequence[Rate]) -> list[float]:
    """The same of processor time: how many times more ``under`` needs is how much faster ``over`` could be."""
    return [below.cpu_us / above.cpu_us for above, below in zip(over, under, strict=True)]


def quotient(over: float, under: float) -> str:
    """Processor times come in hundredths of a second: of very few things there may be none."""
    return f"{over / under:.2f}" if under else "-"


def rates(series: Sequence[Rate]) -> str:
    return spread([rate.per_second for rate in series])


def cpu(series: Sequence[Rate]) -> str:
    return spread([rate.cpu_us for rate in series], ",.1f")


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def mebibytes(count: float) -> str:
    return f"{count / MEBIBYTE:.0f} MiB"


def megabytes(count: float) -> str:
    return f"{count / MEGABYTE:.0f} MB"
