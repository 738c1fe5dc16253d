"""`flyball systems list|show|undeclared`."""

from typing import Annotated, Any

import typer

from flyball.cli.connection import Connection
from flyball.cli.figures import moment, percent
from flyball.cli.output import Form, FormOption, note, show

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
UNDECLARED = ("SYSTEM", ">COUNTED", ">REJECTED", "FIRST SEEN", "LAST SEEN")
UNKNOWN = "unknown"
"""What rejected records count under whose system cannot be read."""
DECLARES = """system: "{system}"
# purpose: what it is for, in a sentence
# owners:
#   operations: who is paged
"""


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


@application.command("undeclared")
def undeclared(
    context: typer.Context,
    spec: Annotated[bool, typer.Option("--spec", help="Print the YAML that declares them.")] = False,
    output: FormOption = Form.TABLE,
) -> None:
    """Systems that send events and that nobody has declared."""
    connection: Connection = context.obj
    found = [item for item in connection.items("/v1/totals") if not item["declared"] and item["system"] != UNKNOWN]
    if not found:
        note("every system that was heard of is declared")
    elif spec:
        print("---\n".join(DECLARES.format(system=item["system"]) for item in found), end="")
    if spec:
        return
    show(output, found, lambda: (UNDECLARED, [undeclared_row(item) for item in found]))
    if found:
        note(
            "to declare them: flyball systems undeclared --spec > systems.yaml; edit it; flyball apply -f systems.yaml"
        )


def undeclared_row(item: dict[str, Any]) -> list[str]:
    times = [moment(item["first_seen_at"]), moment(item["last_seen_at"])]
    return [item["system"], str(item["counted"]), str(item["rejected"]), *times]


def row_of(item: dict[str, Any]) -> list[str]:
    targets = item["spec"]["targets"]
    names = ("accuracy", "safety", "performance", "availability")
    fields = [item["system"], str(item["version"]), moment(item["effective_at"]), item["author"]]
    return fields + [percent(targets[name]["target_ppm"]) for name in names] + [f"{item['spec']['window_days']} d"]
