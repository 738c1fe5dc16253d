"""``python -m tests.bench.statistics``: false alarms, delays and error rates of the statistics, by simulation.

Each line has the figure that was promised beside the one that was seen; shares of runs have a binomial margin.
``--scale 0.1`` runs a tenth of it.
"""

import argparse
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import binom

from tests.bench.figures import table
from tests.bench.statistics_drift import (
    QUIET,
    bound_below_truth,
    concept_days,
    delays,
    false_alarms,
    false_alarms_of_a_day,
    kernel_rows_per_second,
)
from tests.bench.statistics_releases import Traffic, simulated

QUIET_ROWS = 20_000_000
DEPENDENT_ROWS = 4_000_000
PANES_PER_HOUR_OF_SINE = 20
CHANGES = ((0.5, 1.0, 512), (0.2, 1.0, 1_500), (0.1, 1.0, 6_000), (0.0, 1.25, 1_500))
EFFECTS = ((0.0, 1.0), (0.2, 1.0), (0.5, 1.0), (1.0, 1.0), (0.0, 1.5))


@dataclass(frozen=True)
class Line:
    what: str
    promised: str
    seen: str
    held: bool


@dataclass(frozen=True)
class Size:
    scale: float

    def of(self, whole: int) -> int:
        return max(10, int(whole * self.scale))


def within(share: float, limit: float, runs: int) -> bool:
    """A share of runs holds a limit unless chance alone would do better 999 times in 1,000."""
    return round(share * runs) <= int(binom.ppf(0.999, runs, limit))


Part = Callable[[Size, np.random.Generator], Iterator[Line]]


def quiet(size: Size, rng: np.random.Generator) -> Iterator[Line]:
    for kind, rows in QUIET.items():
        total = size.of(QUIET_ROWS if kind == "independent" else DEPENDENT_ROWS)
        limit = 5 * total / QUIET_ROWS if kind == "independent" else total / 1_000_000
        alarms = false_alarms(rows, total, rng)
        yield Line(f"false alarms: {kind}, {total:,} rows", f"<= {limit:g}", str(alarms), alarms <= limit)
    alarms = false_alarms_of_a_day(days := size.of(30), rng, PANES_PER_HOUR_OF_SINE)
    yield Line(f"false alarms: daily sine, hourly reference, {days} days", "0", str(alarms), alarms == 0)


def delay(size: Size, rng: np.random.Generator) -> Iterator[Line]:
    for shift, scale, limit in CHANGES:
        rows = delays(lambda values, shift=shift, scale=scale: values * scale + shift, size.of(200), rng)  # type: ignore[misc]
        name = f"+{shift} sd" if shift else f"sd x {scale}"
        seen = f"{np.median(rows):,.0f} (90 %: {np.percentile(rows, 90):,.0f})"
        yield Line(f"median delay, {name} on 1 of 20", f"<= {limit:,} rows", seen, bool(np.median(rows) <= limit))


def severity(size: Size, rng: np.random.Generator) -> Iterator[Line]:
    for shift, scale in EFFECTS:
        for rows in (128, 2_048, 8_192):
            share = bound_below_truth(shift, scale, rows, runs := size.of(1_000), rng)
            what = f"stability bound below truth, {shift:+} sd x {scale}, {rows:,} rows"
            yield Line(what, ">= 95 %", f"{share:.1%}", within(1 - share, 0.05, runs))


def concept(size: Size, rng: np.random.Generator) -> Iterator[Line]:
    for labels in (10_000, 50_000):
        for rate, limit in ((0.12, 14), (0.15, 2)):
            days = concept_days(rate, labels, size.of(1_000), rng)
            seen = f"{np.median(days):.0f} (90 %: {np.percentile(days, 90, method='higher'):.0f})"
            what = f"median days to {rate:.0%} errors from 10 %, {labels:,} reference labels"
            yield Line(what, f"<= {limit}", seen, bool(np.median(days) <= limit))
        false = float(np.isfinite(concept_days(0.1, labels, runs := size.of(1_000), rng)).mean())
        what = f"120 quiet days with an alarm, {labels:,} reference labels"
        yield Line(what, "<= 5 %", f"{false:.1%}", within(false, 0.05, runs))


def kernel(size: Size, rng: np.random.Generator) -> Iterator[Line]:
    rate, size_bytes = kernel_rows_per_second(size.of(1_000_000), rng)
    yield Line("rows of 25 features a second and core", ">= 500,000", f"{rate:,.0f}", rate >= 500_000)
    yield Line("state of one system", "< 20,000 bytes", f"{size_bytes:,}", size_bytes < 20_000)


def releases(size: Size, rng: np.random.Generator) -> Iterator[Line]:
    runs = size.of(400)
    for per_second in (1, 10, 100):
        for troubled in (False, True):
            outcome = simulated(Traffic(runs, per_second, 0.01, incidents=troubled, drift=troubled), rng)
            what = f"false rollback in 24 h at {per_second}/s, 1 % bad{', incidents and drift' * troubled}"
            yield Line(what, "<= 1 %", f"{outcome.rolled_back:.1%}", within(outcome.rolled_back, 0.01, runs))
    for baseline in (0.002, 0.01, 0.02, 0.05):
        yield from _releases_at(baseline, runs, rng)


def _releases_at(baseline: float, runs: int, rng: np.random.Generator) -> Iterator[Line]:
    for excess, limit in ((0.01, 10), (0.03, 5)):
        worse = Traffic(runs, 100, baseline, excess, minutes=240)
        harm, least = simulated(worse, rng).harm, worse.least_minutes_to_roll_back()
        what = f"median minutes to roll back {excess * 100:+.0f} pp on {baseline:.1%} at 100/s"
        yield Line(what, _against(limit, least), f"{np.median(harm):.0f}", bool(np.median(harm) <= limit))
    healthy = Traffic(runs, 100, baseline, minutes=480)
    took, least = simulated(healthy, rng).promotion, healthy.least_minutes_to_promote()
    seen = f"{np.median(took):.0f} (90 %: {np.percentile(took, 90, method='higher'):.0f})"
    what = f"median minutes to promote a healthy release, {baseline:.1%} at 100/s"
    yield Line(what, _against(30, least), seen, bool(np.median(took) <= 30))
    worse = simulated(Traffic(runs, 100, baseline, 0.005), rng)
    ever = float(np.isfinite(worse.promotion).mean())
    yield Line(f"+0.5 pp on {baseline:.1%} ever promotable in 24 h", "<= 5 %", f"{ever:.1%}", within(ever, 0.05, runs))


def _against(limit: int, least: float) -> str:
    return f"<= {limit}; no test under {least:.3g}"


PARTS: dict[str, Part] = {
    "kernel": kernel,
    "releases": releases,
    "delay": delay,
    "severity": severity,
    "concept": concept,
    "quiet": quiet,
}


def measure(scale: float = 1.0, seed: int = 1, parts: Sequence[str] = tuple(PARTS)) -> str:
    """All figures as a Markdown table; each part is seeded by itself, so that one can be run again alone."""
    rows = []
    for name in parts:
        before = time.process_time()
        lines = list(PARTS[name](Size(scale), np.random.default_rng((seed, *name.encode()))))
        rows += [[line.what, line.promised, line.seen, "yes" if line.held else "no"] for line in lines]
        print(f"{name}: {time.process_time() - before:.0f} s of processor time", flush=True)
    return table(["figure", "promised", "seen", "held"], rows)


def main(arguments: Sequence[str] | None = None) -> None:
    options = argparse.ArgumentParser(prog="python -m tests.bench.statistics", description=__doc__)
    options.add_argument("--scale", type=float, default=1.0, help="share of the runs and rows (default: 1)")
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--parts", nargs="+", choices=tuple(PARTS), default=tuple(PARTS))
    chosen = options.parse_args(arguments)
    print(measure(chosen.scale, chosen.seed, chosen.parts))


if __name__ == "__main__":
    main()
