"""What is generated from the table of topics: every file with its whole text, the same on every machine."""

import json
import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import yaml
from pydantic import TypeAdapter

from flyball.schemas.asyncapi import asyncapi
from flyball.schemas.base import Event
from flyball.schemas.rejected import BuriedRecord
from flyball.schemas.topics import DAY_MS, DEAD_LETTER_SUFFIX, DECLARED, TOPICS, Topic

REGENERATE: Final = "make schemas"
DEAD_LETTERS: Final = "dead-letters"
"""The name under which the one model of all dead letters has its schema and its examples."""
TOPICS_FILE: Final = "schemas/topics.yaml"
SCHEMA_DIRECTORY: Final = "schemas/json"
README: Final = "README.md"
MAP_BEGIN, MAP_END = "<!-- topics:begin -->", "<!-- topics:end -->"
EMPTY_README: Final = f"# Flyball\n\n{MAP_BEGIN}\n{MAP_END}\n"
NOTE: Final = f"# Generated from flyball.schemas.topics by `{REGENERATE}`; edit the table, not this file.\n"
DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"


class MarkersMissing(Exception):
    """README.md has no place for the map."""


def adapters(topics: Sequence[Topic] = DECLARED) -> dict[str, TypeAdapter[Any]]:
    """Each model of the contract by the name of its files: those of our own events, and of the dead letters."""
    dead_letters: TypeAdapter[Event] = TypeAdapter(BuriedRecord)
    return {topic.name: topic.adapter for topic in topics if not topic.protobuf} | {DEAD_LETTERS: dead_letters}


def schema_path(name: str) -> str:
    return f"{SCHEMA_DIRECTORY}/{name}.json"


def artifacts(root: Path) -> dict[str, str]:
    """Path under ``root`` -> text. Of README.md only the map is ours, so the rest of it is read from ``root``.

    Raises:
        MarkersMissing: there is a README.md without the two markers.
    """
    texts = {schema_path(name): _schema_text(name, adapter) for name, adapter in adapters().items()}
    texts["schemas/asyncapi.yaml"] = _yaml(asyncapi(DECLARED))
    texts[TOPICS_FILE] = _yaml({"topics": [_row(topic) for topic in TOPICS]})
    readme = root / README
    texts[README] = with_map(readme.read_text(encoding="utf-8") if readme.exists() else EMPTY_README)
    return texts


def with_map(readme: str) -> str:
    """``readme`` with a fresh map between its markers.

    Raises:
        MarkersMissing: they are not there, or the wrong way round.
    """
    head, begin, rest = readme.partition(MAP_BEGIN)
    _, end, tail = rest.partition(MAP_END)
    if not begin or not end:
        raise MarkersMissing(
            f"{README} has no lines {MAP_BEGIN} and {MAP_END} for the map of topics; add them, then run: {REGENERATE}"
        )
    return f"{head}{MAP_BEGIN}\n{topic_map(DECLARED)}\n{MAP_END}{tail}"


def topic_map(topics: Sequence[Topic]) -> str:
    """The table that people read first: who writes what to whom."""
    rows = [["topic", "key", "producers", "consumers", "kept"], ["---"] * 5]
    rows += [
        [f"`{topic.name}`", topic.key, ", ".join(topic.producers), ", ".join(topic.consumers), kept(topic)]
        for topic in topics
    ]
    rows.append([f"`<topic>{DEAD_LETTER_SUFFIX}`", "as its topic", "consumers of the topic", "people", "30 days"])
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def kept(topic: Topic) -> str:
    if topic.retention_ms is None:
        return "newest of each key"
    return f"{topic.retention_ms / DAY_MS:g} days"


def outdated(root: Path) -> list[str]:
    """Paths of generated files that differ from what the models say, or that no topic needs any more."""
    texts = artifacts(root)
    changed = [path for path, text in texts.items() if _read(root / path) != text]
    return sorted(changed + [path for path in _schemas_in(root) if path not in texts])


def generate(root: Path) -> list[str]:
    """Bring all generated files up to date, each atomically; returns the paths that changed or went."""
    texts = artifacts(root)
    paths = outdated(root)
    for path in paths:
        if path in texts:
            _write(root / path, texts[path])
        else:
            (root / path).unlink()
    return paths


def _schemas_in(root: Path) -> Iterator[str]:
    return (path.relative_to(root).as_posix() for path in (root / SCHEMA_DIRECTORY).glob("*.json"))


def _schema_text(name: str, adapter: TypeAdapter[Any]) -> str:
    schema = {"$schema": DIALECT, "title": name, **adapter.json_schema()}
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


def _row(topic: Topic) -> Mapping[str, Any]:
    return {"name": topic.name, "key": topic.key, "partitions": topic.partitions, "settings": topic.settings()}


def _yaml(document: Mapping[str, Any]) -> str:
    return NOTE + yaml.safe_dump(document, sort_keys=False, allow_unicode=True, width=120)


def _read(path: Path) -> str | None:
    return path.read_text(encoding="utf-8") if path.exists() else None


def _write(path: Path, text: str) -> None:
    """Atomic: a reader, or a run that is interrupted, finds the old text or the new one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
        # mkstemp makes files that only their owner may read.
        Path(temporary).chmod(0o644)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink()
        raise
