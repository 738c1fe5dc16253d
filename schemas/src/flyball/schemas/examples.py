"""Golden examples: real records of every topic, which every later version must still be able to read."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from pydantic import ValidationError

from flyball.schemas.artifacts import adapters
from flyball.schemas.base import Event
from flyball.schemas.envelope import Unreadable, read_agent_event
from flyball.schemas.topics import AGENT_EVENTS

EXAMPLE_DIRECTORY: Final = "schemas/examples"


@dataclass(frozen=True, slots=True)
class Example:
    """One file; ``name`` is the topic, or ``dead-letters``."""

    name: str
    path: Path

    def read(self) -> Event:
        """The model in it, read the way a service would.

        Raises:
            ValidationError, Unreadable: the models cannot read it any more.
        """
        body = self.path.read_bytes()
        if self.name == AGENT_EVENTS.name:
            return read_agent_event(*_record(body))
        event: Event = adapters()[self.name].validate_json(body)
        return event


def _record(body: bytes) -> tuple[list[tuple[str, bytes]], bytes]:
    """Headers and body; a file with just these two keys is a record in binary mode, any other a structured event."""
    record: Any = json.loads(body)
    if set(record) != {"headers", "body"}:
        return [], body
    headers = [(name, value.encode("utf-8")) for name, value in record["headers"].items()]
    return headers, json.dumps(record["body"]).encode("utf-8")


def examples(root: Path) -> list[Example]:
    """All golden examples under ``root``, in order."""
    paths = sorted((root / EXAMPLE_DIRECTORY).glob("*/*.json"))
    return [Example(path.parent.name, path) for path in paths if path.parent.name in adapters()]


def broken_examples(root: Path) -> Iterator[str]:
    """What is wrong with them, one line each: those that cannot be read, and the topics that have none."""
    found = examples(root)
    for example in found:
        try:
            example.read()
        except (ValidationError, Unreadable) as error:
            yield f"{example.path.relative_to(root)} no longer parses: {error}"
    for name in sorted(set(adapters()) - {example.name for example in found}):
        yield f"{name} has no golden example; put a full record into {EXAMPLE_DIRECTORY}/{name}/<name>.json"
