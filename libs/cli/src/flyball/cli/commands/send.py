"""`flyball send [FILE]`: events from JSON lines."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, BinaryIO

import typer

from flyball.cli.connection import Connection
from flyball.cli.errors import ERROR, CommandError
from flyball.cli.inputs import STDIN, opened
from flyball.cli.output import Form, FormOption, note, show
from flyball.cli.sending import batches, post

if TYPE_CHECKING:
    from flyball.cli.progress import Progress

LINE_BYTES_MAX = 4 * 1_048_576
BAD_LINES_TOLD_MAX = 20


def send(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="One CloudEvent a line; - is stdin.")] = STDIN,
    force: Annotated[bool, typer.Option("--force", help="Exit with 0 although lines were skipped.")] = False,
    output: FormOption = Form.TABLE,
) -> None:
    """Publish events, in batches of 500. Lines that are no JSON objects are reported and skipped."""
    connection: Connection = context.obj
    lines = Lines()
    sent = 0
    with opened(file) as source, _progress(file) as progress, connection.client() as client:
        for batch in batches(lines.good(source)):
            sent += post(client, batch)
            progress.update(len(batch), sum(len(event) + 1 for event in batch))
    data = {"sent": sent, "skipped": lines.skipped}
    show(output, data, lambda: ((">SENT", ">SKIPPED"), [[str(sent), str(lines.skipped)]]))
    if lines.skipped and not force:
        raise CommandError(
            f"{lines.skipped} lines were skipped, the others were sent",
            "mend the lines named above and send them",
            ERROR,
        )


class Lines:
    """Sorts lines into events and bad ones, which it tells and counts."""

    def __init__(self) -> None:
        self.skipped = 0

    def good(self, source: BinaryIO) -> Iterator[bytes]:
        number = 0
        while line := source.readline(LINE_BYTES_MAX + 1):
            number += 1
            flaw = self._flaw(source, line)
            if flaw is not None:
                self._tell(number, flaw)
            elif event := line.strip():
                yield event

    def _flaw(self, source: BinaryIO, line: bytes) -> str | None:
        if len(line) > LINE_BYTES_MAX:
            while line and not line.endswith(b"\n"):
                line = source.readline(LINE_BYTES_MAX)
            return f"longer than {LINE_BYTES_MAX} bytes"
        return flaw_of(line.strip())

    def _tell(self, number: int, flaw: str) -> None:
        self.skipped += 1
        if self.skipped <= BAD_LINES_TOLD_MAX:
            note(f"line {number}: {flaw}")
        elif self.skipped == BAD_LINES_TOLD_MAX + 1:
            note("further bad lines are only counted")


def flaw_of(line: bytes) -> str | None:
    """Why a line is no event, None where it may be one (or is empty). The rest is for telemetry-ingest to judge."""
    if not line:
        return None
    try:
        event = json.loads(line.decode("utf-8"), parse_constant=_not_json)
    except RecursionError:
        return "nested too deeply"
    except ValueError as error:
        return f"not JSON: {error}"
    return None if isinstance(event, dict) else "not a JSON object"


def _not_json(name: str) -> Any:
    raise ValueError(f"{name} is no JSON number")


def _progress(file: Path) -> "Progress":
    from flyball.cli.progress import Progress

    return Progress(None if file == STDIN else file.stat().st_size)
