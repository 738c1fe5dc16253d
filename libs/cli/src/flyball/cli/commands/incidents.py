"""`flyball incidents list|show|ack|resolve`."""

from typing import Annotated, Any
from urllib.parse import quote

import typer

from flyball.cli.connection import Connection
from flyball.cli.figures import moment
from flyball.cli.output import Form, FormOption, note, print_table, printable, show

application = typer.Typer(help="What people work on.", no_args_is_help=True)
INCIDENTS = ("INCIDENT", "SEVERITY", "STATE", ">EPOCH", ">ALERTS", "SYSTEMS", "DETECTED", "ACKNOWLEDGED BY", "TITLE")
CLOCKS = ("CLOCK", "DUE", "MET")
TIMELINE = ("AT", "WHAT", "WHO", "TEXT")
CHANGES = ("AT", "SYSTEM", "KIND", "OF", "DECISION", "REASON")
RECEIPTS = ("CHANNEL", "TARGET", "ACTION", ">EPOCH", "STATE", ">ATTEMPTS", "ANSWER")
SYSTEMS_SHOWN_MAX = 3
Incident = Annotated[str, typer.Argument(help="Its id.")]


@application.command("list")
def list_incidents(
    context: typer.Context,
    everything: Annotated[bool, typer.Option("--all", "-a", help="Those that are over, too.")] = False,
    output: FormOption = Form.TABLE,
) -> None:
    """Open incidents, the newest first."""
    connection: Connection = context.obj
    items = connection.items("/v1/incidents", state="all" if everything else "open")
    if not items:
        note("no incident" if everything else "no open incident; those that are over: flyball incidents list --all")
    show(output, items, lambda: (INCIDENTS, [row_of(item) for item in items]))


@application.command("show")
def show_incident(context: typer.Context, incident: Incident, output: FormOption = Form.TABLE) -> None:
    """One incident: clocks, what else was decided about its systems, timeline, and who was told."""
    _print(context.obj.get(_path(incident)), output)


@application.command("ack")
def acknowledge(context: typer.Context, incident: Incident, output: FormOption = Form.TABLE) -> None:
    """Say that you work on it: nobody else is called."""
    _print_one(context.obj.post(_path(incident, "ack"), {}), output)


@application.command("resolve")
def resolve(context: typer.Context, incident: Incident, output: FormOption = Form.TABLE) -> None:
    """It is over: whoever was told is told, and its alerts end with it."""
    _print_one(context.obj.post(_path(incident, "resolve"), {}), output)


def row_of(item: dict[str, Any]) -> list[str]:
    systems = item["systems"][:SYSTEMS_SHOWN_MAX]
    more = item["system_count"] - len(systems)
    return [
        item["id"],
        severity(item),
        item["state"],
        str(item["epoch"]),
        str(item["fingerprint_count"]),
        ", ".join([*systems, *([f"{more} more"] if more > 0 else [])]),
        moment(item["detected_at"]),
        item["acknowledged_by"] or "-",
        item["title"],
    ]


def severity(item: dict[str, Any]) -> str:
    """``P1 (p0p3)``: never without its scheme."""
    return f"{item['severity']['value']} ({item['severity']['scheme']})"


def _print_one(item: dict[str, Any], output: Form) -> None:
    show(output, item, lambda: (INCIDENTS, [row_of(item)]))


def _print(item: dict[str, Any], output: Form) -> None:
    _print_one(item, output)
    if output is not Form.TABLE:
        return
    for heading, headings, rows in (
        ("Clocks", CLOCKS, [[one["name"], moment(one["due_at"]), moment(one["met_at"])] for one in item["clocks"]]),
        ("Decided in the 24 h before and since", CHANGES, [change_row(one) for one in item.get("changes", [])]),
        ("Timeline", TIMELINE, [timeline_row(line) for line in item["timeline"]]),
        ("Who was told", RECEIPTS, [receipt_row(one) for one in item["receipts"]]),
    ):
        print(f"\n{printable(heading)}")
        print_table(headings, rows)


def timeline_row(line: dict[str, Any]) -> list[str]:
    return [moment(line["at"]), line["kind"], line["actor"], line["text"]]


def change_row(one: dict[str, Any]) -> list[str]:
    return [moment(one["at"]), *(str(one[name]) for name in ("system", "kind", "subject", "decision", "reason"))]


def receipt_row(one: dict[str, Any]) -> list[str]:
    names = ("channel", "target", "action", "epoch", "state", "attempts", "detail")
    return [str(one[name]) for name in names]


def _path(incident: str, what: str | None = None) -> str:
    path = f"/v1/incidents/{quote(incident, safe='')}"
    return f"{path}/{what}" if what else path
