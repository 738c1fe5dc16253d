"""`flyball autonomy show|kill|release|demote|promote|sign`."""

from typing import Annotated, Any
from urllib.parse import quote

import typer

from flyball.cli.connection import Connection
from flyball.cli.errors import GATE_CLOSED, CommandError
from flyball.cli.figures import moment
from flyball.cli.output import Form, FormOption, note, show

application = typer.Typer(help="Who may do what alone.", no_args_is_help=True)
LEVELS = ("SYSTEM", "CLASS", "LEVEL", "EPOCH", "SINCE", "HELD BY", "REASON")
WHOLE_SYSTEM = "all"
GATES = ("GATE", "HOLDS", "VALUE", "MISSING")
System = Annotated[str, typer.Argument(help="Its name.")]
ClassOption = Annotated[str | None, typer.Option("--class", "-c", help="One class of action; else the whole system.")]
ReasonOption = Annotated[str, typer.Option("--reason", "-r", help="Why; it is shown to the agents and kept.")]


@application.command("show")
def show_levels(
    context: typer.Context,
    system: Annotated[str | None, typer.Argument(help="One system only.")] = None,
    output: FormOption = Form.TABLE,
) -> None:
    """The level of each class of action, and what holds it down."""
    connection: Connection = context.obj
    items = connection.items("/v1/autonomy", system=system)
    if not items:
        note(f"no class of action of {system or 'any system'} is known; declare some: flyball apply -f system.yaml")
    print_levels(items, output)


@application.command("kill")
def kill(
    context: typer.Context,
    system: System,
    reason: ReasonOption,
    action_class: ClassOption = None,
    output: FormOption = Form.TABLE,
) -> None:
    """Stop a class of action, or a whole system, at once. Two people must release it."""
    connection: Connection = context.obj
    body = {"system": system, "action_class": action_class, "reason": reason}
    print_levels(connection.post("/v1/autonomy/kill", body)["items"], output)
    note(f"stopped; when it is safe, two people: flyball autonomy release {system}")


@application.command("release")
def release(
    context: typer.Context, system: System, action_class: ClassOption = None, output: FormOption = Form.TABLE
) -> None:
    """Agree that what was killed may run again, at L0. A second person must agree too."""
    connection: Connection = context.obj
    answer = connection.post("/v1/autonomy/release", {"system": system, "action_class": action_class})
    print_levels(answer["items"], output)
    if any(item["latched"] for item in answer["items"]):
        note("one more person must release it")


@application.command("demote")
def demote(
    context: typer.Context,
    system: System,
    level: Annotated[int, typer.Option("--to", min=0, max=3, help="The highest level that is left.")],
    reason: ReasonOption,
    action_class: ClassOption = None,
    output: FormOption = Form.TABLE,
) -> None:
    """Lower a class of action, or a whole system. The way up again is by promotion."""
    connection: Connection = context.obj
    body = {"system": system, "action_class": action_class, "level": level, "reason": reason}
    print_levels(connection.post("/v1/autonomy/demote", body)["items"], output)


@application.command("promote")
def promote(
    context: typer.Context,
    system: System,
    action_class: Annotated[str, typer.Option("--class", "-c", help="The class of action.")],
    epoch: Annotated[str | None, typer.Option(help="The evidence epoch; else the newest.")] = None,
    output: FormOption = Form.TABLE,
) -> None:
    """Propose one level more and see each gate; exit 3 while one of them does not hold."""
    connection: Connection = context.obj
    wanted = epoch or newest_epoch(connection, system, action_class)
    body = {"system": system, "action_class": action_class, "evidence_epoch": wanted}
    _print_promotion(connection.post("/v1/autonomy/promote", body), output)


@application.command("sign")
def sign(
    context: typer.Context,
    promotion: Annotated[str, typer.Argument(help="Its id, from `flyball autonomy promote`.")],
    output: FormOption = Form.TABLE,
) -> None:
    """Sign a proposed promotion; the last signature that is needed promotes."""
    connection: Connection = context.obj
    path = f"/v1/autonomy/promotions/{quote(promotion, safe='')}/signatures"
    _print_promotion(connection.post(path, {}), output)


def newest_epoch(connection: Connection, system: str, action_class: str) -> str:
    items = connection.items("/v1/autonomy", system=system)
    levels: list[dict[str, Any]] = next((item["levels"] for item in items if item["action_class"] == action_class), [])
    if not levels:
        cause = f"{system} has done nothing of the class {action_class} yet, so there is no evidence to promote it on"
        raise CommandError(cause, f"flyball autonomy show {system}")
    return str(levels[0]["evidence_epoch"])


def print_levels(items: list[dict[str, Any]], output: Form) -> None:
    show(output, items, lambda: (LEVELS, [row for item in items if says_something(item) for row in rows_of(item)]))


def says_something(item: dict[str, Any]) -> bool:
    """The class by which a whole system is stopped has no actions of its own: it is shown while it stops something."""
    return bool(item["action_class"] != WHOLE_SYSTEM or item["killed"] or item["latched"])


def rows_of(item: dict[str, Any]) -> list[list[str]]:
    """A row for each evidence epoch of one class, the newest first; one for a class in which nothing was done yet."""
    start = {"evidence_epoch": "-", "level": item["starting_level"], "since": None}
    return [
        [
            item["system"],
            item["action_class"],
            level_of(item, epoch["level"]),
            epoch["evidence_epoch"],
            moment(epoch["since"]),
            ", ".join(held_by(item)),
            item["reason"],
        ]
        for epoch in item["levels"] or [start]
    ]


def level_of(item: dict[str, Any], level: int) -> str:
    """What holds now: ``killed``, or the level under what holds it down."""
    return "killed" if item["killed"] else f"L{min(level, item['level_max'])}"


def held_by(item: dict[str, Any]) -> list[str]:
    """What keeps the class from its level."""
    latched = f"latched, {len(item['released_by'])} of 2 people released it"
    return [*([latched] if item["latched"] else []), *item["anomalies"]]


def _print_promotion(answer: dict[str, Any], output: Form) -> None:
    gates = [[gate["name"], gate["holds"], gate["value"], gate["missing"]] for gate in answer["gates"]]
    show(output, answer, lambda: (GATES, gates))
    step = f"L{answer['from_level']} to L{answer['to_level']}"
    if answer["done"]:
        note(f"promoted: {step}, signed by {', '.join(answer['signed_by'])}")
        return
    if answer["holds"] != "yes":
        note(f"not yet from {step}: {answer['holds'].replace('_', ' ')}")
        raise typer.Exit(GATE_CLOSED)
    signed = f"{len(answer['signed_by'])} of {answer['signatures_needed']} signatures"
    note(f"{step}: {signed}; flyball autonomy sign {answer['promotion_id']}")
