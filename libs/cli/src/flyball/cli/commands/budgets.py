"""`flyball budgets show|explain`."""

import json
import time
from collections.abc import Iterator
from typing import Annotated, Any
from urllib.parse import quote

import typer

from flyball.cli import figures
from flyball.cli.connection import Connection, answer_of
from flyball.cli.errors import OK, CommandError
from flyball.cli.output import Form, FormOption, note, print_table, printable, show

application = typer.Typer(help="How much unreliability is left to spend.", no_args_is_help=True)
HEADINGS = ("SYSTEM", "DIMENSION", "ZONE", ">TARGET", ">GRANTED", ">BURNED", ">REMAINING", "ZONE SINCE")
SUMS = ("KIND", "DEBIT", "CREDIT", ">ENTRIES", ">AMOUNT")
ENTRIES = (">ENTRY", "KIND", ">AMOUNT", ">EVENTS", "HAPPENED", "RECORDED", "RELEASE", "CAUSE", "HASH")
ENTRIES_SHOWN_MAX = 20
HASH_CHARACTERS = 12
RECONNECT_SECONDS = 1.0
SILENCE_SECONDS_MAX = 60.0
"""Console says something at least every fifteen seconds."""


@application.command("show")
def show_budgets(
    context: typer.Context,
    system: Annotated[str | None, typer.Argument(help="One system only.")] = None,
    watch: Annotated[bool, typer.Option("--watch", "-w", help="Go on with each change until Ctrl-C.")] = False,
    output: FormOption = Form.TABLE,
) -> None:
    """Target, granted, burned, remaining part and zone of each budget."""
    connection: Connection = context.obj
    if watch:
        follow(connection, system, output)
        return
    items = connection.items("/v1/budgets", system=system)
    if not items:
        note(f"no budgets of {system or 'any system'} yet: no data was counted; see `flyball telemetry totals`")
    show(output, items, lambda: (HEADINGS, [row for item in items for row in rows_of(item)]))


@application.command("explain")
def explain(
    context: typer.Context,
    system: Annotated[str, typer.Argument(help="Its name.")],
    dimension: Annotated[
        str | None, typer.Option("--dimension", "-d", help="accuracy, safety, ...; else the one with least left.")
    ] = None,
    output: FormOption = Form.TABLE,
) -> None:
    """How a budget's figures came about, entry by entry."""
    connection: Connection = context.obj
    dimension = dimension or least_left(connection, system)
    explanation = connection.get(f"/v1/budgets/{quote(system, safe='')}/explain", dimension=dimension)
    if output is Form.TABLE:
        print_explanation(explanation)
    else:
        show(output, explanation, lambda: ((), ()))


def rows_of(states: dict[str, Any]) -> Iterator[list[str]]:
    """A row for each budget of one system."""
    for budget in states["budgets"]:
        dimension = budget["dimension"]
        yield [
            states["system"],
            dimension,
            figures.zone(budget),
            figures.percent(budget["target_ppm"]),
            figures.points(dimension, budget["granted"]),
            figures.points(dimension, budget["burned"]),
            figures.left(budget),
            figures.moment(budget["zone_since"]),
        ]


def least_left(connection: Connection, system: str) -> str:
    """The dimension of which least is left; the first one where nothing has data."""
    items = connection.items("/v1/budgets", system=system)
    budgets = [budget for item in items for budget in item["budgets"]]
    if not budgets:
        raise CommandError(
            f"{system} has no budgets: no data of it was counted", f"flyball telemetry totals --system {system}"
        )
    known = [
        budget for budget in budgets if budget["zone"] not in figures.NO_DATA and budget["remaining_ppm"] is not None
    ]
    return str(min(known or budgets[:1], key=lambda budget: budget["remaining_ppm"] or 0)["dimension"])


def print_explanation(explanation: dict[str, Any]) -> None:
    budget, dimension = explanation["statement"], explanation["dimension"]
    print_table(HEADINGS, list(rows_of({"system": explanation["system"], "budgets": [budget]})))
    print(f"\n{printable(str(explanation['formula']))}\n")
    print_table(SUMS, [_sum_row(dimension, row) for row in explanation["totals"]])
    entries = explanation["entries"]
    print(f"\nThe last {min(len(entries), ENTRIES_SHOWN_MAX)} entries (-o json has {len(entries)}):")
    print_table(ENTRIES, [_entry_row(dimension, entry) for entry in entries[:ENTRIES_SHOWN_MAX]])


def _sum_row(dimension: str, row: dict[str, Any]) -> list[str]:
    return [row["kind"], row["debit"], row["credit"], str(row["entries"]), figures.points(dimension, row["amount"])]


def _entry_row(dimension: str, entry: dict[str, Any]) -> list[str]:
    return [
        str(entry["sequence"]),
        entry["kind"],
        figures.points(dimension, entry["amount"]),
        str(entry["events"]),
        figures.moment(entry["effective_at"]),
        figures.moment(entry["recorded_at"]),
        entry.get("release") or "",
        str(entry["cause"]),
        entry["hash"][:HASH_CHARACTERS],
    ]


def follow(connection: Connection, system: str | None, output: Form) -> None:
    """Print the states of now, then each change, until Ctrl-C. A stream that ends is taken up again where it was."""
    try:
        _follow_on(connection, system, output)
    except KeyboardInterrupt:
        raise typer.Exit(OK) from None


def _follow_on(connection: Connection, system: str | None, output: Form) -> None:
    after = "0"
    while True:
        with connection.client() as client:
            parameters = {"after": after} | ({"system": system} if system else {})
            with client.stream("GET", "/v1/budgets/live", params=parameters, timeout=SILENCE_SECONDS_MAX) as response:
                if not response.is_success:
                    response.read()
                    answer_of(response)
                after = _follow(response.iter_lines(), after, output)
        time.sleep(RECONNECT_SECONDS)


def _follow(lines: Iterator[str], after: str, output: Form) -> str:
    for line in lines:
        field, _, value = line.partition(": ")
        if field == "id":
            after = value
        elif field == "data":
            _print_change(json.loads(value), output)
    return after


def _print_change(states: dict[str, Any], output: Form) -> None:
    if output is Form.TABLE:
        print_table(HEADINGS, list(rows_of(states)))
    elif output is Form.JSON:
        print(json.dumps(states, ensure_ascii=False), flush=True)
    else:
        import yaml

        print(yaml.safe_dump(states, sort_keys=False, allow_unicode=True, explicit_start=True), end="", flush=True)
