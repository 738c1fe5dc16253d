"""`flyball reference create|list`."""

from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote

import typer

from flyball.cli.connection import Connection
from flyball.cli.errors import CommandError
from flyball.cli.figures import moment
from flyball.cli.inputs import name_of, opened
from flyball.cli.output import Form, FormOption, note, show

application = typer.Typer(help="What live data are compared with.", no_args_is_help=True)
SystemOption = Annotated[str, typer.Option("--system", "-s", help="Whose reference it is.")]
VERSIONS = (">VERSION", "EFFECTIVE", ">ROWS", ">FEATURES", "SOURCE", "AUTHOR")
ROWS_MIN, ROWS_RECOMMENDED = 500, 10_000


@application.command("create")
def create(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="CSV with a header, or JSON objects one a line; - is stdin.")],
    system: SystemOption,
    release: Annotated[str | None, typer.Option(help="The release that was trained on it.")] = None,
    columns: Annotated[list[str] | None, typer.Option("--column", "-c", help="Use only these; repeat it.")] = None,
    kind: Annotated[str | None, typer.Option("--format", help="csv or jsonl; else by the file's name.")] = None,
    output: FormOption = Form.TABLE,
) -> None:
    """Count a training file and make it the system's next reference. No row leaves this machine."""
    from flyball.cli.reference_file import features_of, kind_of, read

    connection: Connection = context.obj
    with opened(file) as stream:
        found, rows = read(stream, kind_of(file, kind), name_of(file))
    if rows < ROWS_MIN:
        raise CommandError(
            f"{name_of(file)} has {rows} rows; a reference needs {ROWS_MIN}, {ROWS_RECOMMENDED:,} are recommended",
            "give more rows, or let the first rows of production make the reference",
        )
    features, notes = features_of(_chosen(found, columns), rows)
    for each in notes:
        note(each)
    if rows < ROWS_RECOMMENDED:
        note(f"{rows} rows: small drifts stay hidden; {ROWS_RECOMMENDED:,} are recommended")
    body = {"system": system, "release": release, "rows": rows, "features": features}
    made = connection.post("/v1/drift/references", {**body, "source": f"file {file.name}"[:256]})
    show(output, made, lambda: (VERSIONS, [version_row(made)]))
    note(
        f"version {made['version']} holds from {moment(made['effective_at'])}; see it work: flyball drift show {system}"
    )


@application.command("list")
def versions(context: typer.Context, system: SystemOption, output: FormOption = Form.TABLE) -> None:
    """The newest versions of a system's reference, the newest first."""
    connection: Connection = context.obj
    items = connection.get(f"/v1/drift/{quote(system, safe='')}/references")["items"]
    if not items:
        note(f"{system} has no reference yet: flyball reference create FILE --system {system}, or await its first rows")
    show(output, items, lambda: (VERSIONS, [version_row(item) for item in items]))


def version_row(item: dict[str, Any]) -> list[str]:
    features = str(len(item["features"])) if item["features"] or item["rows"] else "learns anew"
    return [
        str(item["version"]),
        moment(item["effective_at"]),
        str(item["rows"]),
        features,
        item["source"],
        item["author"],
    ]


def _chosen(found: dict[str, Any], wanted: list[str] | None) -> dict[str, Any]:
    """Raises ``CommandError`` for a column that is not there."""
    missing = [name for name in wanted or () if name not in found]
    if missing:
        raise CommandError(f"there is no column {missing[0]!r}", f"the file has: {', '.join(sorted(found)[:20])}")
    return {name: column for name, column in found.items() if wanted is None or name in wanted}
