"""`flyball telemetry totals|rejected`."""

from typing import Annotated, Any

import typer

from flyball.cli.connection import Connection
from flyball.cli.figures import moment
from flyball.cli.output import Form, FormOption, note, show

application = typer.Typer(help="What became of the events that agents sent.", no_args_is_help=True)
SystemOption = Annotated[str | None, typer.Option("--system", "-s", help="One system only.")]
TOTALS = ("SYSTEM", ">PUBLISHED", ">= COUNTED", ">+ DUPLICATE", ">+ REJECTED", ">LATE", "DECLARED", "LAST SEEN")
REJECTED = ("WHEN", "SYSTEM", "REASON", "FIELD", "DETAIL", "POSITION", "BODY")
BODY_CHARACTERS_MAX = 80


@application.command("totals")
def totals(context: typer.Context, system: SystemOption = None, output: FormOption = Form.TABLE) -> None:
    """Published = counted + duplicate + rejected, by system. Late events are among the counted."""
    connection: Connection = context.obj
    items = connection.items("/v1/totals", system=system)
    if not items:
        note(f"nothing was published for {system or 'any system'} yet; send events with `flyball send FILE`")
    show(output, items, lambda: (TOTALS, [totals_row(item) for item in items]))


@application.command("rejected")
def rejected(
    context: typer.Context,
    system: SystemOption = None,
    limit: Annotated[int, typer.Option(min=1, max=500, help="The newest so many.")] = 20,
    after: Annotated[int | None, typer.Option(min=0, help="Go on where the last page said.")] = None,
    output: FormOption = Form.TABLE,
) -> None:
    """Records that were not counted, newest first, with the reason and the field."""
    connection: Connection = context.obj
    page = connection.get("/v1/rejected", system=system, limit=limit, after=after)
    show(output, page["items"], lambda: (REJECTED, [rejected_row(item) for item in page["items"]]))
    if page["next"] is not None:
        note(f"there are more: flyball telemetry rejected --limit {limit} --after {page['next']}")


def totals_row(item: dict[str, Any]) -> list[str]:
    figures = [str(item[name]) for name in ("published", "counted", "duplicates", "rejected", "late")]
    return [item["system"], *figures, "yes" if item["declared"] else "no", moment(item["last_seen_at"])]


def rejected_row(item: dict[str, Any]) -> list[str]:
    position = item["position"]
    place = f"{position['topic']}[{position['partition']}]@{position['offset']}"
    text = item["body_text"]
    body = f"{item['body_bytes']} bytes, not UTF-8" if text is None and item["body_bytes"] else (text or "")
    fields = [moment(item["recorded_at"]), item["system"], item["reason"], item["field"] or "", item["detail"], place]
    return [*fields, body[:BODY_CHARACTERS_MAX]]
