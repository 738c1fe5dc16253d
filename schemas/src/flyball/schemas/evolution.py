"""What changed since a baseline, topic by topic, and in which order it may be rolled out."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from flyball.schemas.artifacts import adapters, schema_path
from flyball.schemas.baseline import Baseline, rows_of, schema_of
from flyball.schemas.compatibility import Edit, edits
from flyball.schemas.topics import DECLARED, Topic


@dataclass(frozen=True, slots=True)
class Evolution:
    """The edits of one schema and what to do about them."""

    name: str
    edits: tuple[Edit, ...]
    rollout: str

    @property
    def is_breaking(self) -> bool:
        return any(edit.severity == "breaking" for edit in self.edits)


def evolutions(source: Baseline, topics: Sequence[Topic] = DECLARED) -> list[Evolution]:
    """All schemas that differ from the baseline; new topics are no edits of anything."""
    by_name = {topic.name: topic for topic in topics}
    rows = rows_of(source)
    models = adapters(topics)
    found = [_gone(path) for path in source.schemas() if PurePosixPath(path).stem not in models]
    for name, adapter in models.items():
        old = schema_of(source, schema_path(name))
        topic = by_name.get(name)
        changed = [*_row_edits(topic, rows.get(name, {}))] if topic else []
        if old is not None:
            # Through JSON, because the committed schema has been there too: tuples are lists, keys are strings.
            changed += edits(old, json.loads(json.dumps(adapter.json_schema())))
        if changed:
            found.append(Evolution(name, tuple(changed), rollout(name, topic, changed)))
    return found


def _gone(path: str) -> Evolution:
    name = PurePosixPath(path).stem
    edit = Edit("$", "field removed", "topic", "-")
    return Evolution(
        name, (edit,), f"keep {name} in the table until no service reads or writes it and its records expired"
    )


def _row_edits(topic: Topic, row: Mapping[str, Any]) -> list[Edit]:
    """A key or a number of partitions that changes sends the same key elsewhere, and its order is lost."""
    now = {"key": topic.key, "partitions": topic.partitions}
    return [
        Edit(f"topic {field}", "constraint changed", str(row[field]), str(value))
        for field, value in now.items()
        if field in row and row[field] != value
    ]


def rollout(name: str, topic: Topic | None, changed: Sequence[Edit]) -> str:
    """One sentence: what to deploy first, and why."""
    if any(edit.severity == "breaking" for edit in changed):
        return f"add a row {successor(name)} with the new model, write both, move the readers, then drop {name}"
    producers = ", ".join(topic.producers) if topic else "the bus in every service"
    consumers = ", ".join(topic.consumers) if topic else ""
    if not consumers:
        return f"deploy {producers}; no service reads this, so there is no order to keep"
    if all(edit.change == "field added" for edit in changed):
        why = "an older reader skips the new field, and what it has read once it does not read again"
    else:
        why = "an older reader refuses what the new schema allows"
    return f"consumers first ({consumers}), then producers ({producers}): {why}"


def successor(name: str) -> str:
    """``agent.events.v1`` -> ``agent.events.v2``; what has no version (the dead letters) gets one."""
    stem, _, version = name.rpartition(".v")
    return f"{stem}.v{int(version) + 1}" if stem and version.isdigit() else f"{name}.v2"
