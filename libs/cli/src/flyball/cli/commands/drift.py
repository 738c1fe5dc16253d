"""`flyball drift list|show|acknowledge|rebase`."""

from typing import Annotated, Any
from urllib.parse import quote

import typer

from flyball.cli.connection import Connection
from flyball.cli.figures import moment
from flyball.cli.output import Form, FormOption, note, show

application = typer.Typer(help="Is it still what it was when we approved it?", no_args_is_help=True)
SYSTEMS = ("SYSTEM", ">REFERENCE", "SEVERITY", ">EPISODES", ">SUSPECT", ">PANES", "AS OF")
FEATURES = ("FEATURE", "TYPE", "STATE", "SEVERITY", ">EVIDENCE", ">INDEX", ">AT LEAST", ">NULLS", ">OUTSIDE", "SINCE")
System = Annotated[str, typer.Argument(help="Its name.")]
ReasonOption = Annotated[str, typer.Option("--reason", "-r", help="Why; it is kept on the audit log.")]


@application.command("list")
def systems(context: typer.Context, output: FormOption = Form.TABLE) -> None:
    """Each system with its worst drift."""
    connection: Connection = context.obj
    items = connection.items("/v1/drift")
    if not items:
        note("nothing was counted of any system yet; send events with `flyball send FILE`")
    show(output, items, lambda: (SYSTEMS, [system_row(item) for item in items]))


@application.command("show")
def features(context: typer.Context, system: System, output: FormOption = Form.TABLE) -> None:
    """Each feature of a system: state, severity, evidence as a part of its line, and effect."""
    connection: Connection = context.obj
    found = connection.get(f"/v1/drift/{quote(system, safe='')}")
    show(output, found, lambda: (FEATURES, [feature_row(item) for item in found["features"]]))
    note(progress_of(found))
    for each in found.get("announced", ()):
        note(f"version {each['version']} of its reference holds from {moment(each['effective_at'])}")


@application.command("acknowledge")
def acknowledge(
    context: typer.Context,
    system: System,
    feature: Annotated[str, typer.Argument(help="Which of its features.")],
    reason: ReasonOption,
    kind: Annotated[str, typer.Option("--type", help="data, prediction, behaviour, guardrail.")] = "data",
    output: FormOption = Form.TABLE,
) -> None:
    """End an episode that people know of. If the drift goes on, another one begins."""
    connection: Connection = context.obj
    body = {"system": system, "feature": feature, "type": kind, "reason": reason}
    report = connection.post("/v1/drift/acknowledgements", body)
    show(output, report, lambda: (FEATURES, [feature_row(report)]))


@application.command("rebase")
def rebase(context: typer.Context, system: System, reason: ReasonOption, output: FormOption = Form.TABLE) -> None:
    """Say that what is now is normal: every episode ends, and the next rows make the next reference."""
    connection: Connection = context.obj
    made = connection.post("/v1/drift/rebasings", {"system": system, "reason": reason})
    show(output, made, lambda: ((">VERSION", "EFFECTIVE"), [[str(made["version"]), moment(made["effective_at"])]]))


def system_row(item: dict[str, Any]) -> list[str]:
    figures = [str(item[name]) for name in ("episodes", "suspects", "panes")]
    return [item["system"], str(item["reference_version"] or "-"), item["severity"], *figures, moment(item["as_of"])]


def feature_row(item: dict[str, Any]) -> list[str]:
    """Evidence is a part of its line: 100 % is an alarm. The index is that of the longest window that can say."""
    evidence, effects = item["evidence"], item["effects"]
    told = next((effect for effect in reversed(effects) if effect["psi"] is not None), None)
    longest = effects[-1] if effects else {}
    index = [f"{told['psi']:.3f}", f"{told['psi_lower']:.3f}"] if told else ["insufficient", "-"]
    rates = [rate_of(longest.get(name)) for name in ("null_rate", "out_of_range_rate")]
    since = moment(item["changed_at"]) if item["changed_at"] else ""
    state = [item["feature"], item["type"], item["state"], item["severity"]]
    return [*state, f"{100 * evidence['statistic'] / evidence['threshold']:.3g} %", *index, *rates, since]


def rate_of(share: float | None) -> str:
    return "-" if share is None else f"{100 * share:.2f} %"


def progress_of(found: dict[str, Any]) -> str:
    """How far a system is: learning, calibrating or watched."""
    policy = found["policy"]
    if not found["features"]:
        return f"no reference yet: {found['learned_rows']} of {policy['reference_rows']} rows are kept for one"
    if not found["is_calibrated"]:
        return f"calibrating: {found['panes']} of {policy['calibration_panes']} panes; nothing alarms before"
    return f"reference {found['reference_version']}, {found['panes']} panes of {policy['pane_seconds']} s judged"
