"""`flyball systems list|show`."""

from typing import Annotated, Any

import typer

from flyball.cli.connection import Connection
from flyball.cli.figures import moment, percent
from flyball.cli.output import Form, FormOption, show

application = typer.Typer(help="Declared systems.", no_args_is_help=True)
HEADINGS = (
    "SYSTEM",
    ">VERSION",
    "IN FORCE FROM",
    "AUTHOR",
    ">ACCURACY",
    ">SAFETY",
    ">PERFORMANCE",
    ">AVAILABILITY",
    ">WINDOW",
)


@application.command("list")
def list_systems(context: typer.Context, output: FormOption = Form.TABLE) -> None:
    """Declared systems with their targets."""
    connection: Connection = context.obj
    items = connection.items("/v1/systems", limit=500)
    show(output, items, lambda: (HEADINGS, [row_of(item) for item in items]))


@application.command("show")
def show_system(
    context: typer.Context, system: Annotated[str, typer.Argument(help="Its name.")], output: FormOption = Form.TABLE
) -> None:
    """One system with its revisions, oldest first."""
    from urllib.parse import quote

    connection: Connection = context.obj
    detail = connection.get(f"/v1/systems/{quote(system, safe='')}")
    revisions = [{"system": detail["system"], **revision} for revision in detail["revisions"]]
    show(output, detail, lambda: (HEADINGS, [row_of(revision) for revision in revisions]))


def row_of(item: dict[str, Any]) -> list[str]:
    targets = item["spec"]["targets"]
    names = ("accuracy", "safety", "performance", "availability")
    fields = [item["system"], str(item["version"]), moment(item["effective_at"]), item["author"]]
    return fields + [percent(targets[name]["target_ppm"]) for name in names] + [f"{item['spec']['window_days']} d"]
