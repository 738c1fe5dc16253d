"""``python -m tests.bench``: measure, print and write to BENCHMARKS.md, one part after the other.

A part that fails is named, and the others go on; the exit status is 1 then.
"""

import argparse
import sys
import time
import traceback
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import fields
from multiprocessing import get_context

from tests.bench.figures import table
from tests.bench.plan import PARTS, end_with_parent, measured
from tests.bench.report import circumstances, write
from tests.bench.sizes import Sizes

RUN = "run"
"""The section of BENCHMARKS.md on the last whole run."""


def parser() -> argparse.ArgumentParser:
    options = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    options.add_argument("--parts", nargs="+", choices=tuple(PARTS), default=tuple(PARTS), help="default: all")
    for size in fields(Sizes):
        kind = type(size.default)
        options.add_argument(f"--{size.name}", type=kind, default=size.default, help=f"default: {size.default:,}")
    options.add_argument("--print-only", action="store_true", help="leave BENCHMARKS.md as it is")
    return options


def main(arguments: Sequence[str] | None = None) -> int:
    """The exit status."""
    options = parser().parse_args(arguments)
    sizes = Sizes(**{size.name: getattr(options, size.name) for size in fields(Sizes)})
    begun, took, failed = time.monotonic(), dict[str, float](), list[str]()
    before = circumstances()
    for number, part in enumerate(options.parts, 1):
        print(_heading(part, number, options.parts, time.monotonic() - begun), flush=True)
        started = time.monotonic()
        try:
            _measure(part, sizes, is_kept=not options.print_only)
        except Exception:  # noqa: BLE001  whatever ails one part, the others are measured
            traceback.print_exc()
            failed.append(part)
        took[part] = time.monotonic() - started
    summary = f"{before}\n\n{_summary(took, failed)}"
    print(f"\n{summary}", flush=True)
    if not options.print_only and took.keys() >= PARTS.keys():
        write(RUN, summary)
    return 1 if failed else 0


def _measure(part: str, sizes: Sizes, *, is_kept: bool) -> None:
    """In a process of its own, so that no part inherits memory or settings of another, or its end."""
    before = circumstances()
    with ProcessPoolExecutor(1, mp_context=get_context("spawn"), initializer=end_with_parent) as alone:
        text = f"{before}\n\n{alone.submit(measured, part, sizes).result()}"
    print(f"\n{text}\n", flush=True)
    if is_kept:
        write(part, text)


def _heading(part: str, number: int, parts: Sequence[str], seconds: float) -> str:
    left = sum(PARTS[name].minutes for name in parts[number - 1 :])
    return f"\n## {part}: {number} of {len(parts)}, after {seconds / 60:.0f} min; about {left:.0f} min to go"


def _summary(took: dict[str, float], failed: Sequence[str]) -> str:
    rows = [[part, f"{seconds:,.0f}", "**failed**" if part in failed else "measured"] for part, seconds in took.items()]
    rows.append(["**in all**", f"{sum(took.values()):,.0f}", f"{len(failed)} failed" if failed else "all measured"])
    return table(["part", "seconds", ""], rows)


if __name__ == "__main__":
    sys.exit(main())
