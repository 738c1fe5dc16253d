"""Events to console, in bounded batches, again while it is busy."""

import time
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Final

from flyball.cli.connection import answer_of
from flyball.cli.output import note

if TYPE_CHECKING:
    import httpx

BATCH_EVENTS: Final = 500
BATCH_BYTES_MAX: Final = 4 * 1_048_576
TRIES_MAX: Final = 6
SERVICE_UNAVAILABLE: Final = 503


def batches(events: Iterable[bytes]) -> Iterator[list[bytes]]:
    """Of 500 events and 4 MiB at most, whichever comes first."""
    batch: list[bytes] = []
    length = 0
    for event in events:
        if batch and (len(batch) == BATCH_EVENTS or length + len(event) > BATCH_BYTES_MAX):
            yield batch
            batch, length = [], 0
        batch.append(event)
        length += len(event) + 1
    if batch:
        yield batch


def post(client: "httpx.Client", batch: list[bytes]) -> int:
    """Send one batch, again while console says that it cannot take it now: an event counts once by its id."""
    headers = {"Content-Type": "application/x-ndjson"}
    for _ in range(TRIES_MAX - 1):
        response = client.post("/v1/events", content=b"\n".join(batch), headers=headers)
        pause = response.headers.get("retry-after", "")
        if response.status_code != SERVICE_UNAVAILABLE or not pause.isdigit():
            break
        note(f"console cannot take events now, trying again in {pause} s")
        time.sleep(min(int(pause), 30))
    else:
        response = client.post("/v1/events", content=b"\n".join(batch), headers=headers)
    return int(answer_of(response)["accepted"])
