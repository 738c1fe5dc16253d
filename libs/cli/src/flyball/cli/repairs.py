"""Mending one rejected record: by assignments, a file or an editor, and judged before it goes."""

import json
import os
import shlex
import subprocess
import tempfile
from base64 import b64decode
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from flyball.cli.errors import USAGE, CommandError

EDITORS: Final = ("VISUAL", "EDITOR")
EVENT_BYTES_MAX: Final = 4 * 1_048_576


def body_of(whole: Mapping[str, Any]) -> bytes | None:
    """The bytes of a record as console shows it."""
    return _bytes(whole, "body")


def document_of(whole: Mapping[str, Any]) -> dict[str, Any]:
    """The record in structured mode.

    Raises ``CommandError`` where its body is no JSON, so that only a file or an editor can mend it.
    """
    from flyball.schemas.repair import structured

    headers = [(header["name"], _bytes(header, "value")) for header in whole["headers"]]
    found = structured(headers, body_of(whole))
    if found is None:
        raise CommandError(
            f"the body of {whole['id']} is no JSON object: nothing can be set in it",
            f"flyball rejected show {whole['id']} --body > event.json, mend it, then repair --file event.json",
        )
    return found


def assigned(document: dict[str, Any], assignments: Sequence[str]) -> dict[str, Any]:
    """A copy in which each ``data.latency_ms=20`` holds; a value is JSON, else text; an empty one takes the field away.

    Raises ``CommandError`` for what is no assignment, or a path through something that is no object.
    """
    changed: dict[str, Any] = json.loads(json.dumps(document))
    for assignment in assignments:
        path, equals, value = assignment.partition("=")
        if not equals or not path:
            raise CommandError(f"{assignment!r} is no assignment", "write --set data.latency_ms=20", USAGE)
        *steps, last = path.split(".")
        place = _place(changed, steps, path)
        if value:
            place[last] = _value(value)
        else:
            place.pop(last, None)
    return changed


def edited(text: str) -> str:
    """What the user's editor makes of ``text``. Raises ``CommandError`` without one, or if nothing was changed."""
    editor = next((os.environ[name] for name in EDITORS if os.environ.get(name)), None)
    if editor is None:
        raise CommandError("no editor is set", "export EDITOR=vi, or use --set or --file", USAGE)
    with tempfile.TemporaryDirectory(prefix="flyball-") as folder:
        file = Path(folder) / "event.json"
        file.write_text(text, encoding="utf-8")
        done = subprocess.run([*shlex.split(editor), str(file)], check=False)  # noqa: S603  the user's own choice
        changed = file.read_text(encoding="utf-8", errors="replace")
    if done.returncode or changed == text:
        raise CommandError("the event was left as it was: nothing was replayed", "change it, or use --set")
    return changed


def judged(event: bytes, identity: str) -> None:
    """Raises ``CommandError`` with the field where telemetry-ingest would reject it again."""
    from flyball.schemas.envelope import CONTENT_TYPE, STRUCTURED, Unreadable, read_agent_event

    try:
        read_agent_event([(CONTENT_TYPE, STRUCTURED.encode())], event, body_bytes_max=EVENT_BYTES_MAX)
    except Unreadable as error:
        raise CommandError(
            f"it would be rejected again, {error.reason}: {error.field or 'the record'}: {error.detail}",
            f"flyball rejected repair {identity} --set {error.field or 'FIELD'}=VALUE",
        ) from error


def _place(document: dict[str, Any], steps: Sequence[str], path: str) -> dict[str, Any]:
    at: Any = document
    for step in steps:
        at = at.setdefault(step, {}) if isinstance(at, dict) else None
    if not isinstance(at, dict):
        raise CommandError(f"{path}: one step of it is no object", "flyball rejected show ID shows the event", USAGE)
    return at


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


def _bytes(found: Mapping[str, Any], name: str) -> bytes | None:
    if found.get(f"{name}_base64") is not None:
        return b64decode(found[f"{name}_base64"])
    text: str | None = found.get(f"{name}_text")
    return None if text is None else text.encode()
