"""Reads telemetry.rejected.v1 and the dead letters: what was put aside, why, and its original bytes."""

import json
from base64 import b64decode
from collections.abc import Collection, Mapping
from typing import Any

from tests.wire.outside import Broker, Place, until

Letters = dict[Place, list[dict[str, Any]]]


async def buried_since(
    broker: Broker,
    topic: str,
    since: Mapping[int, int],
    places: Collection[Place],
    copies: int = 1,
    readers: Collection[str] | None = None,
) -> Letters:
    """What ``topic`` says about each of these places, in its order, once it says ``copies`` things about each.

    ``readers``: what other services say, which other tests run beside, does not count.
    """

    async def read() -> Letters:
        found: Letters = {place: [] for place in places}
        for message in broker.read(topic, since):
            event = {**json.loads(message.value()), "source": dict(message.headers())["ce_source"].decode()}
            is_asked = readers is None or event["source"].rpartition("/")[2] in readers
            if is_asked and place_of(event) in found:
                found[place_of(event)].append(event)
        return found

    found = await until(read, lambda now: all(len(events) >= copies for events in now.values()))
    assert {place: len(events) for place, events in found.items()} == dict.fromkeys(places, copies)
    return found


def place_of(event: dict[str, Any]) -> Place:
    position = event["position"]
    return position["topic"], position["partition"], position["offset"]


def original(event: dict[str, Any]) -> tuple[bytes | None, list[tuple[str, bytes | None]], bytes | None]:
    """Key, headers and body as they were sent."""
    headers = [(name, unpacked(value)) for name, value in event["headers"]]
    return unpacked(event["key"]), headers, unpacked(event["body"])


def unpacked(text: str | None) -> bytes | None:
    return None if text is None else b64decode(text, altchars=b"-_", validate=True)
