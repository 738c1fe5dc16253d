"""The command line itself: which commands there are, and how errors end."""

import os
import sys
from typing import Annotated

import typer

from flyball.cli.commands import (
    audit,
    autonomy,
    budgets,
    demo,
    doctor,
    drift,
    feeds,
    gate,
    imports,
    incidents,
    reference,
    rejected,
    reviews,
    rollouts,
    send,
    silences,
    specs,
    systems,
    telemetry,
    topics,
    up,
    watch,
)
from flyball.cli.connection import DEFAULT_URL, Connection
from flyball.cli.errors import CommandError

HELP = """The governor for AI systems in production.

Data goes to stdout and everything else to stderr. Exit codes: 0 done, 1 error, 2 usage, 3 gate closed, 4 unreachable.
"""

application = typer.Typer(help=HELP, no_args_is_help=True, pretty_exceptions_enable=False)
application.command("up")(up.up)
application.command("demo")(demo.demo)
application.command("doctor")(doctor.doctor)
application.command("apply")(specs.apply)
application.command("validate")(specs.validate)
application.command("send")(send.send)
application.add_typer(imports.application, name="import")
application.add_typer(systems.application, name="systems")
application.add_typer(telemetry.application, name="telemetry")
application.add_typer(feeds.application, name="feeds")
application.add_typer(rejected.application, name="rejected")
application.add_typer(budgets.application, name="budgets")
application.add_typer(reference.application, name="reference")
application.add_typer(drift.application, name="drift")
application.add_typer(autonomy.application, name="autonomy")
application.add_typer(reviews.application, name="reviews")
application.add_typer(incidents.application, name="incidents")
application.add_typer(rollouts.application, name="rollouts")
application.command("rollback")(rollouts.roll_back)
application.add_typer(gate.application, name="gate")
application.add_typer(silences.application, name="silences")
application.command("watch")(watch.watch)
application.add_typer(topics.application, name="topics")
application.add_typer(audit.application, name="audit")


@application.callback()
def settings(
    context: typer.Context,
    url: Annotated[str, typer.Option(envvar="FLYBALL_URL", help="Where console answers.")] = DEFAULT_URL,
    token: Annotated[
        str,
        typer.Option(
            envvar="FLYBALL_TOKEN", help="API token; better in the environment than here.", show_default=False
        ),
    ] = "",
) -> None:
    context.obj = Connection(url.rstrip("/"), token)


def main() -> None:
    """Run the command; a foreseen error is its cause and the next command on stderr."""
    try:
        application()
    except CommandError as error:
        print(f"error: {error}\nnext:  {error.following}", file=sys.stderr)
        sys.exit(error.exit_code)
    except BrokenPipeError:
        # Whoever read our output has enough; without this Python complains again when it flushes.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


if __name__ == "__main__":
    main()
