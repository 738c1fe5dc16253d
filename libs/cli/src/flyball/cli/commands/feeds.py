"""`flyball feeds list|release`."""

from typing import Annotated, Any

import typer

from flyball.cli.connection import Connection
from flyball.cli.figures import moment
from flyball.cli.output import Form, FormOption, note, show

application = typer.Typer(help="Can what a system sends be trusted?", no_args_is_help=True)
FEEDS = ("SYSTEM", "FEED", "STATE", "SINCE", "WHY", "OWNER", "TOLD")
RELEASED = ("SYSTEM", "RELEASED AT", ">FEEDS", "WAS")
TOLD_MAX = 3


@application.command("list")
def feeds(
    context: typer.Context,
    system: Annotated[str | None, typer.Option("--system", "-s", help="One system only.")] = None,
    output: FormOption = Form.TABLE,
) -> None:
    """Each feed with its quarantine, if it is in one, and what was told of it."""
    connection: Connection = context.obj
    items = connection.items("/v1/feeds", system=system)
    if not items:
        note("nothing is remembered of any feed: no labels, no expectations, nothing wrong")
    show(output, items, lambda: (FEEDS, [feed_row(item) for item in items]))
    for name in sorted({item["system"] for item in items if item["state"] == "quarantined"}):
        note(f"when it is as it should be again: flyball feeds release {name} --reason WHY")


@application.command("release")
def release(
    context: typer.Context,
    system: Annotated[str, typer.Argument(help="Its name.")],
    reason: Annotated[str, typer.Option("--reason", "-r", help="Why; it is kept on the audit log.")],
    output: FormOption = Form.TABLE,
) -> None:
    """Say that what a system sends from now on can be trusted again."""
    connection: Connection = context.obj
    done = connection.post("/v1/feeds/releases", {"system": system, "reason": reason})
    row = [done["system"], moment(done["released_at"]), str(done["feeds"]), done["was"]]
    show(output, done, lambda: (RELEASED, [row]))


def feed_row(item: dict[str, Any]) -> list[str]:
    told = [" ".join(filter(None, (one["kind"], one["subject"], one["field"]))) for one in item["told"]]
    more = f" and {len(told) - TOLD_MAX} more" if len(told) > TOLD_MAX else ""
    since = moment(item["since"]) if item["since"] else ""
    place = f"{item['topic']}[{item['partition']}]"
    trust = [item["state"], since, item["reason"] or "", item["owner"] or ""]
    return [item["system"], place, *trust, ", ".join(told[:TOLD_MAX]) + more]
