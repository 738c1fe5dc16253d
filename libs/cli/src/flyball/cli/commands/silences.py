"""`flyball silences add|list|expire`."""

import re
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Final
from urllib.parse import quote

import typer

from flyball.cli.connection import Connection
from flyball.cli.figures import moment
from flyball.cli.output import Form, FormOption, note, show

application = typer.Typer(help="What nobody is to be paged about for a while.", no_args_is_help=True)
SILENCES = ("SILENCE", "MATCHES", "FROM", "UNTIL", "AUTHOR", "COMMENT")
MATCHER: Final = re.compile(r"(?P<name>[A-Za-z_][\w.-]*)(?P<operation>=~|!~|!=|=)(?P<value>.*)", re.DOTALL)
SPAN: Final = re.compile(r"(?P<amount>\d{1,4})(?P<unit>[mhd])")
UNITS: Final = {"m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1)}
MATCH_HELP = "name=value, !=, =~ (expression) or !~; again for more, all must match. Names: system, rule, severity, ..."


@application.command("add")
def add(
    context: typer.Context,
    match: Annotated[list[str], typer.Option("--match", "-l", help=MATCH_HELP)],
    comment: Annotated[str, typer.Option("--comment", "-m", help="Why.")],
    span: Annotated[str, typer.Option("--for", help="How long: 30m, 2h, 1d.")] = "2h",
    output: FormOption = Form.TABLE,
) -> None:
    """Page nobody about these alerts for a while. Their end still gets through to whoever was told."""
    connection: Connection = context.obj
    ends_at = (datetime.now(UTC) + span_of(span)).isoformat()
    body = {"matchers": [matcher_of(text) for text in match], "ends_at": ends_at, "comment": comment}
    made = connection.post("/v1/silences", body)
    show(output, made, lambda: (SILENCES, [row_of(made)]))
    note(f"to end it: flyball silences expire {made['id']}")


@application.command("list")
def list_silences(context: typer.Context, output: FormOption = Form.TABLE) -> None:
    """Silences that are set, those that begin later too."""
    connection: Connection = context.obj
    items = connection.get("/v1/silences")["items"]
    if not items:
        note("nothing is silenced")
    show(output, items, lambda: (SILENCES, [row_of(item) for item in items]))


@application.command("expire")
def expire(context: typer.Context, silence: Annotated[str, typer.Argument(help="Its id.")]) -> None:
    """End a silence now."""
    connection: Connection = context.obj
    connection.delete(f"/v1/silences/{quote(silence, safe='')}")
    note(f"ended: {silence}")


def matcher_of(text: str) -> dict[str, str]:
    """``system=support`` as console takes it."""
    found = MATCHER.fullmatch(text)
    if found is None:
        raise typer.BadParameter(f"{text[:80]!r} is not name=value, name!=value, name=~value or name!~value")
    return found.groupdict()


def span_of(text: str) -> timedelta:
    found = SPAN.fullmatch(text)
    if found is None or not int(found["amount"]):
        raise typer.BadParameter(f"{text[:80]!r} is no span of time; write 30m, 2h or 1d")
    return int(found["amount"]) * UNITS[found["unit"]]


def row_of(item: dict[str, Any]) -> list[str]:
    matches = ", ".join(f"{one['name']}{one['operation']}{one['value']}" for one in item["matchers"])
    return [item["id"], matches, moment(item["starts_at"]), moment(item["ends_at"]), item["author"], item["comment"]]
