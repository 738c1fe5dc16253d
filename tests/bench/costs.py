"""What an event costs telemetry-ingest by part, and as systems and features grow. Processor time on real stores."""

from collections.abc import Sequence
from statistics import median

from tests.bench.collector import collect_as_a_service
from tests.bench.events import FEATURES, KINDS, SYSTEMS
from tests.bench.figures import spread, table
from tests.bench.parts import seconds_by_part
from tests.bench.servers import Bench, stores

SYSTEMS_TO, FEATURES_TO = (1, SYSTEMS, 1_000), (0, FEATURES, 50)
SHOWN = ("decode and judge", "condense", "serialise")
Costs = dict[str, float]
"""Microseconds of an event by part."""


async def measure(events: int, repeats: int) -> str:
    """The figures as Markdown."""
    collect_as_a_service()
    async with stores() as running:
        return f"{await _by_part(running, events, repeats)}\n\n{await _by_shape(running, events, repeats)}"


async def _by_part(running: Bench, events: int, repeats: int) -> str:
    found: dict[str, list[Costs]] = {kind: [] for kind in KINDS}
    for number in range(repeats):
        for kind, runs in found.items():
            runs.append(await seconds_by_part(await running.environment(), kind, events))
        print(f"by part, repeat {number + 1} of {repeats}", flush=True)
    parts = next(iter(found.values()))[0]
    rows = [[part, *(f"{median(run[part] for run in runs):.2f}" for runs in found.values())] for part in parts]
    sums = (spread([sum(run.values()) for run in runs], ".1f") for runs in found.values())
    rows.append(["**sum, without draining the topic**", *sums])
    return table(["processor time of an event by part, µs", *(f"`{kind}`" for kind in found)], rows)


async def _by_shape(running: Bench, events: int, repeats: int) -> str:
    shapes = [(f"{count:,} systems", {"systems": count}) for count in SYSTEMS_TO]
    shapes += [(f"{count} features", {"features": count}) for count in FEATURES_TO]
    found: dict[str, list[Costs]] = {name: [] for name, _ in shapes}
    for number in range(repeats):
        for name, shape in shapes:
            costs = await seconds_by_part(await running.environment(), "prediction.made", events, **shape)
            found[name].append(costs)
        print(f"systems and features, repeat {number + 1} of {repeats}", flush=True)
    first = found[f"{SYSTEMS} systems"]
    rows = [[name, *_cells(runs, first)] for name, runs in found.items()]
    usual = f"of {SYSTEMS} systems, {FEATURES} features"
    return table(["`prediction.made`, processor time of an event, µs", "all", usual, *SHOWN], rows)


def _cells(runs: Sequence[Costs], first: Sequence[Costs]) -> list[str]:
    sums, firsts = ([sum(run.values()) for run in series] for series in (runs, first))
    times = [one / other for one, other in zip(sums, firsts, strict=True)]
    return [spread(sums, ".1f"), spread(times, ".2f"), *(f"{median(run[part] for run in runs):.2f}" for part in SHOWN)]
