"""What an event costs telemetry-ingest by part, and as systems and features grow. Processor time on real stores."""

import gc
from collections.abc import Mapping

from tests.bench.events import FEATURES, KINDS, SYSTEMS
from tests.bench.figures import table
from tests.bench.parts import seconds_by_part
from tests.bench.servers import Bench, stores

SYSTEMS_TO, FEATURES_TO = (1, SYSTEMS, 1_000), (0, FEATURES, 50)


async def measure(events: int) -> str:
    """The figures as Markdown."""
    # As the runtime of a service does.
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)
    async with stores() as running:
        return f"{await _by_part(running, events)}\n\n{await _by_shape(running, events)}"


async def _by_part(running: Bench, events: int) -> str:
    found = {kind: await seconds_by_part(await running.environment(), kind, events) for kind in KINDS}
    parts = next(iter(found.values()))
    rows = [[part, *(f"{costs[part]:.2f}" for costs in found.values())] for part in parts]
    rows.append(["**sum, without draining the topic**", *(f"{sum(costs.values()):.2f}" for costs in found.values())])
    return table(["processor time of an event by part, µs", *(f"`{kind}`" for kind in found)], rows)


async def _by_shape(running: Bench, events: int) -> str:
    rows = [[f"{count:,} systems", *await _cells(running, events, systems=count)] for count in SYSTEMS_TO]
    rows += [[f"{count} features", *await _cells(running, events, features=count)] for count in FEATURES_TO]
    head = ["`prediction.made`, processor time of an event, µs", "all", "decode and judge", "condense", "serialise"]
    return table(head, rows)


async def _cells(running: Bench, events: int, **shape: int) -> list[str]:
    costs: Mapping[str, float] = await seconds_by_part(await running.environment(), "prediction.made", events, **shape)
    return [f"{value:.2f}" for value in (sum(costs.values()), *(costs[part] for part in SHOWN))]


SHOWN = ("decode and judge", "condense", "serialise")
