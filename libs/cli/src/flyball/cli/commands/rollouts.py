"""`flyball rollouts start|list|show|approve|pause|resume|promote`, and `flyball rollback`."""

import json
from collections.abc import Callable
from typing import Annotated, Any
from urllib.parse import quote

import typer

from flyball.cli.connection import Connection
from flyball.cli.errors import GATE_CLOSED, CommandError
from flyball.cli.figures import moment
from flyball.cli.output import Form, FormOption, note, print_table, printable, show

application = typer.Typer(help="New releases on their way, in steps, with evidence.", no_args_is_help=True)
ROLLOUTS = ("ROLLOUT", "SYSTEM", "ENVIRONMENT", "FROM", "TO", "STEP", ">SHARE", ">EPOCH", "CHANGED", "REASON")
NOW = ("ROLLOUT", "SYSTEM", "ENVIRONMENT", "FROM", "TO", "STEP", ">SHARE", ">EPOCH", "RESTORES")
CHANGES = ("CHANGED", "STEP", ">SHARE", ">EPOCH", "WHO", "REASON")
EVIDENCE = ("METRIC", "CANDIDATE", "BASELINE", ">HARM", ">AT", ">NO HARM", ">AT", ">BLOCKS")
EFFECTS = (">EPOCH", "TARGET WAS TOLD", ">TRIES", "OUTCOME", "ANSWER")
BASIS_POINTS_PER_PERCENT = 100
System = Annotated[str, typer.Argument(help="Its name.")]
Rollout = Annotated[str, typer.Argument(help="Its id.")]
Environment = Annotated[str, typer.Option("--environment", "-e", help="Where.")]
Policy = Annotated[str, typer.Option(help="Rules that differ from the defaults, as a JSON object.")]
Reason = Annotated[str, typer.Option("--reason", "-r", help="Why; it is on the record.")]


@application.command("start")
def start(
    context: typer.Context,
    system: System,
    *,
    candidate: Annotated[str, typer.Option("--to", help="The new release.")],
    baseline: Annotated[str, typer.Option("--from", help="The release that runs now.")],
    environment: Environment = "production",
    reason: Reason = "proposed",
    adapter: Annotated[str, typer.Option(help="Which kind of target switches the traffic.")] = "redis",
    policy: Annotated[
        str, typer.Option(help="Rules that differ from the default, as JSON: '{\"shadow\": true}'.")
    ] = "{}",
    wait: Annotated[bool, typer.Option("--wait", help="Only propose: somebody approves it later.")] = False,
    override: Annotated[str | None, typer.Option(help="Start although the gate is closed, for this reason.")] = None,
    output: FormOption = Form.TABLE,
) -> None:
    """Move traffic from one release to another, in steps, if the gate is open."""
    body = {
        "system": system,
        "environment": environment,
        "baseline": baseline,
        "candidate": candidate,
        "adapter": adapter,
        "reason": reason,
        "start": not wait,
        "policy": _rules(policy),
        **({"override": override} if override else {}),
    }
    _show_now(_started(context.obj, body), output)


@application.command("list")
def list_rollouts(
    context: typer.Context,
    system: Annotated[str | None, typer.Argument(help="One system only.")] = None,
    everything: Annotated[bool, typer.Option("--all", "-a", help="Those that are over, too.")] = False,
    output: FormOption = Form.TABLE,
) -> None:
    """Open rollouts, the newest first."""
    connection: Connection = context.obj
    open_only = None if everything else "true"
    page = connection.get("/v1/rollouts", system=system, open=open_only)
    if not page["items"]:
        note("no rollout" if everything else "no open rollout; those that are over: flyball rollouts list --all")
    show(output, page["items"], lambda: (ROLLOUTS, [row_of(item) for item in page["items"]]))
    if page["next"] is not None:
        note(f"there are older ones: GET /v1/rollouts?after={page['next']}")


@application.command("show")
def show_rollout(context: typer.Context, rollout: Rollout, output: FormOption = Form.TABLE) -> None:
    """One rollout: its steps, the evidence, and what the target was told."""
    found = context.obj.get(_path(rollout))
    _show_now(found, output)
    if output is not Form.TABLE:
        return
    for heading, headings, rows in (
        ("Steps", CHANGES, [change_row(change) for change in found["changes"]]),
        ("Evidence", EVIDENCE, [evidence_row(one) for one in found["changes"][-1]["comparisons"]]),
        ("What the target was told", EFFECTS, [effect_row(effect) for effect in found["effects"]]),
    ):
        print(f"\n{heading}")
        print_table(headings, rows)


def _steering(command: str, said: str) -> Callable[..., None]:
    def steer(context: typer.Context, rollout: Rollout, reason: Reason, output: FormOption = Form.TABLE) -> None:
        connection: Connection = context.obj
        epoch = connection.get(_path(rollout))["epoch"]
        body = {"command": command, "epoch": epoch, "reason": reason}
        _show_now(connection.post(f"{_path(rollout)}/commands", body), output)

    steer.__doc__ = said
    return steer


for _command, _said in (
    ("approve", "Start what was proposed."),
    ("pause", "Let the share stay as it is; harm still rolls back."),
    ("resume", "Go on from where it was paused or held."),
    ("promote", "Go to the next share without the evidence that is asked for; only when it is held."),
):
    application.command(_command)(_steering(_command, _said))


def roll_back(
    context: typer.Context,
    system: System,
    reason: Reason,
    to: Annotated[str | None, typer.Option("--to", help="One of the last five releases; else the one before.")] = None,
    environment: Environment = "production",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would happen, and change nothing.")] = False,
    output: FormOption = Form.TABLE,
) -> None:
    """Bring the old release back. It is back when it was seen: follow it with `flyball rollouts show`."""
    body = {"system": system, "environment": environment, "reason": reason, "dry_run": dry_run}
    after = context.obj.post("/v1/rollbacks", {**body, **({"to": to} if to else {})})
    _show_now(after, output)
    if dry_run:
        note("nothing was changed")
    else:
        note(f"not yet back: flyball rollouts show {after['rollout_id']}")


def row_of(item: dict[str, Any]) -> list[str]:
    """The last change of a rollout."""
    named = [str(item[name]) for name in ("rollout_id", "system", "environment", "baseline", "candidate", "step")]
    return [*named, share(item), str(item["epoch"]), moment(item["changed_at"]), item["reason"]]


def share(item: dict[str, Any]) -> str:
    return f"{item['share_basis_points'] / BASIS_POINTS_PER_PERCENT:g} %"


def change_row(change: dict[str, Any]) -> list[str]:
    who = [change["actor"], change["reason"]]
    return [moment(change["changed_at"]), change["step"], share(change), str(change["epoch"]), *who]


def evidence_row(one: dict[str, Any]) -> list[str]:
    """Bad of all in each arm, and both logarithms of e-values beside what they must reach."""
    sides = [f"{one[f'{arm}_bad']} of {one[f'{arm}_count']}" for arm in ("candidate", "baseline")]
    names = ("harm_log_e_value", "harm_log_threshold", "non_inferiority_log_e_value", "non_inferiority_log_threshold")
    return [one["metric"], *sides, *(f"{one[name]:.2f}" for name in names), str(one["blocks"])]


def effect_row(effect: dict[str, Any]) -> list[str]:
    outcome = effect["outcome"] or "no receipt yet"
    return [str(effect["epoch"]), effect["step"], str(effect["attempts"]), outcome, effect["detail"]]


def _show_now(rollout: dict[str, Any], output: Form) -> None:
    names = ("rollout_id", "system", "environment", "baseline", "candidate", "step")
    row = [*(str(rollout[name]) for name in names), share(rollout), str(rollout["epoch"]), rollout["restores"]]
    show(output, rollout, lambda: (NOW, [row]))
    for advice in rollout.get("advice", ()):
        note(printable(advice))
    if rollout.get("hold"):
        note(printable(f"nothing advances: {rollout['hold']['reason']}"))


def _started(connection: Connection, body: dict[str, Any]) -> Any:
    try:
        return connection.post("/v1/rollouts", body)
    except CommandError as error:
        if error.reason != "gate_closed":
            raise
        following = f"flyball budgets show {body['system']}, or this again with --override REASON"
        raise CommandError(f"the gate is closed: {error}", following, GATE_CLOSED) from error


def _rules(text: str) -> dict[str, Any]:
    try:
        rules = json.loads(text)
    except ValueError as error:
        raise CommandError(f"--policy is not JSON: {error}", "--policy '{\"dwell_seconds_min\": 600}'") from error
    if not isinstance(rules, dict):
        raise CommandError("--policy is no JSON object", "--policy '{\"dwell_seconds_min\": 600}'")
    return rules


def _path(rollout: str) -> str:
    return f"/v1/rollouts/{quote(rollout, safe='')}"
