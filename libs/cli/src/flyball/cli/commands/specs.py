"""`flyball apply|validate -f system.yaml`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import quote

import typer

from flyball.cli.connection import Connection
from flyball.cli.errors import CommandError
from flyball.cli.figures import moment
from flyball.cli.inputs import name_of, opened
from flyball.cli.output import Form, FormOption, note, show

if TYPE_CHECKING:
    from flyball.schemas.registry import SystemSpec

FileOption = Annotated[Path, typer.Option("--file", "-f", help="System specs in YAML; - is stdin.")]


def apply(context: typer.Context, file: FileOption, output: FormOption = Form.TABLE) -> None:
    """Declare systems, or change them, as a YAML file says. The same file again changes nothing."""
    connection: Connection = context.obj
    specs = _read(file)
    applied = [
        connection.put(f"/v1/systems/{quote(spec.system, safe='')}", spec.model_dump_json().encode()) for spec in specs
    ]
    show(
        output, applied, lambda: (("SYSTEM", ">VERSION", "IN FORCE FROM", "CHANGED"), [_row(item) for item in applied])
    )


def validate(file: FileOption, output: FormOption = Form.TABLE) -> None:
    """Check a YAML file without sending it; errors have line numbers."""
    specs = _read(file)
    note(f"{name_of(file)}: {len(specs)} system{'s' if len(specs) > 1 else ''}, no errors")
    data = [spec.model_dump(mode="json") for spec in specs]
    show(output, data, lambda: (("SYSTEM", ">WINDOW"), [[spec.system, f"{spec.window_days} d"] for spec in specs]))


def _read(file: Path) -> "list[SystemSpec]":
    from flyball.cli.spec_file import BYTES_MAX, SpecError, read_specs

    with opened(file) as source:
        text = source.read(BYTES_MAX + 1)
    try:
        return read_specs(text)
    except SpecError as error:
        lines = "\n".join(f"  {name_of(file)}:{line}" for line in error.lines)
        cause = f"{name_of(file)} is not a valid system spec:\n{lines}"
        raise CommandError(cause, f"mend it, then flyball validate -f {file}") from error


def _row(item: dict[str, Any]) -> list[str]:
    return [item["system"], str(item["version"]), moment(item["effective_at"]), "yes" if item["changed"] else "no"]
