"""`flyball gate deploy`: may this release be deployed? For people and for CI."""

from typing import Annotated, Any

import typer

from flyball.cli.errors import GATE_CLOSED
from flyball.cli.output import Form, FormOption, note, printable, show

application = typer.Typer(help="May we ship?", no_args_is_help=True)
GATE = ("SYSTEM", "ENVIRONMENT", "RELEASE", "GATE")


@application.command("deploy")
def deploy(
    context: typer.Context,
    system: Annotated[str, typer.Option("--system", "-s", help="Its name.")],
    release: Annotated[str, typer.Option("--release", "-r", help="What is to be deployed.")],
    environment: Annotated[str, typer.Option("--environment", "-e", help="Where.")] = "production",
    output: FormOption = Form.TABLE,
) -> None:
    """Ask budgets and mode: exit 0 when the gate is open, 3 with every reason when it is closed."""
    body = {"system": system, "environment": environment, "release": release}
    said = context.obj.post("/v1/gates/deploy", body)
    show(output, said, lambda: (GATE, [row_of(said)]))
    for advice in said["advice"]:
        note(printable(advice))
    for reason in said["reasons"]:
        note(printable(f"closed: {reason}"))
    if not said["open"]:
        raise typer.Exit(GATE_CLOSED)


def row_of(said: dict[str, Any]) -> list[str]:
    return [said["system"], said["environment"], said["release"], "open" if said["open"] else "closed"]
