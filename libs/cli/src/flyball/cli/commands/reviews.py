"""`flyball reviews list|show|claim|judge|approve|deny`."""

import json
from typing import Annotated, Any, Final, Literal
from urllib.parse import quote

import typer

from flyball.cli.connection import Connection
from flyball.cli.errors import CommandError
from flyball.cli.figures import moment
from flyball.cli.output import Form, FormOption, note, show

application = typer.Typer(help="Questions that wait for a person.", no_args_is_help=True)
REVIEWS = ("REVIEW", "KIND", "STATE", ">SEV", "SYSTEM", "CLASS", "RESPOND BY", "VALID UNTIL", "QUESTION")
ARGUMENTS_CHARACTERS_MAX: Final = 4_000
Review = Annotated[str, typer.Argument(help="Its id.")]
Confidence = Annotated[int | None, typer.Option(min=1, max=5, help="Store your own judgment first, this sure of it.")]
Comment = Annotated[str, typer.Option("--comment", "-m", help="Why; it is kept.")]


@application.command("list")
def list_reviews(
    context: typer.Context,
    system: Annotated[str | None, typer.Option(help="One system only.")] = None,
    state: Annotated[str, typer.Option(help="open, all, or one state.")] = "open",
    output: FormOption = Form.TABLE,
) -> None:
    """What waits, the most urgent first."""
    connection: Connection = context.obj
    items = connection.items("/v1/reviews", system=system, state=state)
    items.sort(key=lambda item: (item["respond_by"], item["review_id"]))
    if not items:
        note("nothing waits for a person")
    show(output, items, lambda: (REVIEWS, [row_of(item) for item in items]))


@application.command("show")
def show_review(context: typer.Context, review: Review, output: FormOption = Form.TABLE) -> None:
    """One review. What the system proposes is shown once you have judged, where people are to judge first."""
    _print(context.obj.get(_path(review)), output)


@application.command("claim")
def claim(context: typer.Context, review: Review, output: FormOption = Form.TABLE) -> None:
    """Work on it alone for ten minutes."""
    _print(context.obj.post(_path(review, "claim"), {}), output)


@application.command("judge")
def judge(
    context: typer.Context,
    review: Review,
    judgment: Annotated[str, typer.Argument(help="approve or reject")],
    confidence: Annotated[int, typer.Option(min=1, max=5, help="5: certain.")],
    output: FormOption = Form.TABLE,
) -> None:
    """Store your own judgment, and then see what the system proposes. It cannot be changed afterwards."""
    if judgment not in ("approve", "reject"):
        raise typer.BadParameter("approve or reject", param_hint="JUDGMENT")
    _print(context.obj.post(_path(review, "judgment"), {"judgment": judgment, "confidence": confidence}), output)


@application.command("approve")
def approve(
    context: typer.Context,
    review: Review,
    comment: Comment = "",
    confidence: Confidence = None,
    output: FormOption = Form.TABLE,
) -> None:
    """Let the action run: exactly this one, once."""
    _decide(context.obj, review, "approve", comment, confidence, output)


@application.command("deny")
def deny(
    context: typer.Context,
    review: Review,
    comment: Comment = "",
    confidence: Confidence = None,
    output: FormOption = Form.TABLE,
) -> None:
    """Refuse the action. One refusal is enough."""
    _decide(context.obj, review, "reject", comment, confidence, output)


def _decide(
    connection: Connection,
    review: str,
    resolution: Literal["approve", "reject"],
    comment: str,
    confidence: int | None,
    output: Form,
) -> None:
    if confidence is not None:
        _judged(connection, review, {"judgment": resolution, "confidence": confidence})
    try:
        answer = connection.post(_path(review, "verdict"), {"resolution": resolution, "comment": comment})
    except CommandError as error:
        if error.reason != "judgment_first":
            raise
        following = f"flyball reviews judge {review} approve|reject --confidence 1..5"
        raise CommandError("judge it yourself before you see what the system proposes", following) from error
    _print(answer, output)


def _judged(connection: Connection, review: str, judgment: dict[str, Any]) -> None:
    try:
        connection.post(_path(review, "judgment"), judgment)
    except CommandError as error:
        # What was judged before stands, and is no reason to stop.
        if error.reason != "already_judged":
            raise


def row_of(item: dict[str, Any]) -> list[str]:
    names = ("review_id", "kind", "state", "severity", "system", "action_class")
    moments = [moment(item["respond_by"]), moment(item["valid_until"])]
    return [*(str(item[name]) for name in names), *moments, item["question"]]


def _print(item: dict[str, Any], output: Form) -> None:
    show(output, item, lambda: (("", ""), detail_rows(item)))


def detail_rows(item: dict[str, Any]) -> list[list[str]]:
    arguments = json.dumps(item["arguments"], ensure_ascii=False)
    approved = f"{len(item['approved_by'])} of {item['approvals_needed']} approvals"
    return [
        ["review", item["review_id"]],
        ["question", item["question"]],
        ["arguments", arguments[:ARGUMENTS_CHARACTERS_MAX]],
        ["proposal", item["proposal"] or "withheld until you have judged"],
        ["state", f"{item['state']}{', ' + item['resolution'] if item['resolution'] else ''}"],
        ["approved", ", ".join([approved, *item["approved_by"]])],
        ["refused by", item["refused_by"] or "-"],
        ["respond by", moment(item["respond_by"])],
        ["valid until", moment(item["valid_until"])],
        ["action", f"{item['action_id']} ({item['digest']})"],
    ]


def _path(review: str, what: str | None = None) -> str:
    path = f"/v1/reviews/{quote(review, safe='')}"
    return f"{path}/{what}" if what else path
