"""`flyball audit list|verify|explain|export`."""

import json
from typing import Annotated, Any

import typer

from flyball.cli.connection import Connection
from flyball.cli.errors import ERROR
from flyball.cli.figures import moment
from flyball.cli.output import Form, FormOption, note, show

application = typer.Typer(help="What was decided, on what evidence, and is the record intact.", no_args_is_help=True)
RECORDS = (">NUMBER", "DECIDED", "SYSTEM", "KIND", "SUBJECT", "DECISION", "REASON", "ID")
FINDINGS = (">NUMBER", "KIND", "DETAIL")


@application.command("list")
def records(
    context: typer.Context,
    before: Annotated[int | None, typer.Option(min=1, help="Go on before this number.")] = None,
    output: FormOption = Form.TABLE,
) -> None:
    """The newest decisions first."""
    connection: Connection = context.obj
    page = connection.get("/v1/audit/records", before=before)
    if not page["items"]:
        note("nothing was decided yet")
    show(output, page["items"], lambda: (RECORDS, [record_row(item) for item in page["items"]]))
    if page["next"] is not None:
        note(f"there are more: flyball audit list --before {page['next']}")


@application.command("verify")
def verify(context: typer.Context, output: FormOption = Form.TABLE) -> None:
    """Check every link of the chain and every signed checkpoint; exit 1 if anything is wrong."""
    connection: Connection = context.obj
    verdict = connection.get("/v1/audit/verification")
    findings = [[str(found["sequence"]), found["kind"], found["detail"]] for found in verdict["findings"]]
    show(output, verdict, lambda: (FINDINGS, findings))
    looked_at = f"{verdict['links']} records, {verdict['checkpoints']} signed checkpoints"
    if verdict["intact"]:
        note(f"intact: {looked_at}")
        return
    note(f"NOT intact: {len(findings)} findings in {looked_at}; keep the database as it is and tell an auditor")
    raise typer.Exit(ERROR)


@application.command("explain")
def explain(context: typer.Context, record: str, output: FormOption = Form.TABLE) -> None:
    """Decide a recorded decision again from its stored inputs; exit 1 if it comes out otherwise."""
    connection: Connection = context.obj
    explained = connection.get(f"/v1/audit/records/{record}/explain")
    show(output, explained, lambda: (("", ""), explanation_rows(explained)))
    if explained["same"] is False or not explained["inputs_intact"]:
        raise typer.Exit(ERROR)


@application.command("export")
def export(context: typer.Context) -> None:
    """Every record as one JSON object a line, the newest first."""
    connection: Connection = context.obj
    before: int | None = None
    while True:
        page = connection.get("/v1/audit/records", before=before)
        for item in page["items"]:
            print(json.dumps(item, ensure_ascii=False))
        before = page["next"]
        if before is None:
            return


def record_row(item: dict[str, Any]) -> list[str]:
    named = [str(item[name]) for name in ("system", "kind", "subject", "decision", "reason", "id")]
    return [str(item["sequence"]), moment(item["decided_at"]), *named]


def explanation_rows(explained: dict[str, Any]) -> list[list[str]]:
    record = explained["record"]
    again = explained["decided_again"]
    verdict = {True: "the same", False: "ANOTHER DECISION", None: "nobody can say: inputs of another release"}
    return [
        ["decision", record["decision"]],
        ["reason", record["reason"]],
        ["decided", moment(record["decided_at"])],
        ["by", f"{record['actor']}, policy version {record.get('policy_version')}"],
        ["inputs", "intact" if explained["inputs_intact"] else "CHANGED: they do not have their digest"],
        ["decided again", f"{again or '-'} ({verdict[explained['same']]})"],
    ]
