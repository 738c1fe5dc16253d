"""The event that README.md shows to newcomers, as the tests send it."""

import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

README = Path(__file__).parents[2] / "README.md"
EXAMPLE = re.compile(r"<!-- example:event -->\n```json\n(?P<event>.*?)\n```", re.DOTALL)


def example_event(system: str) -> dict[str, Any]:
    """The README's example about ``system``, happening now, with an id of its own. AssertionError when it is gone."""
    found = EXAMPLE.search(README.read_text(encoding="utf-8"))
    assert found, f"{README} has no ```json block right after <!-- example:event -->"
    event: dict[str, Any] = json.loads(found["event"])
    return {**event, "id": str(uuid4()), "time": datetime.now(UTC).isoformat(), "subject": system}


def binary_headers(event: dict[str, Any]) -> list[tuple[str, bytes]]:
    """The event's context attributes as the headers of a record in binary mode; its body is then ``event["data"]``."""
    attributes = {name: value for name, value in event.items() if name != "data"}
    return [
        *((f"ce_{name}", value.encode()) for name, value in attributes.items()),
        ("content-type", b"application/json"),
    ]
