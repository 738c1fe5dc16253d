"""`flyball import garak|inspect|deepeval|promptfoo|ragas FILE`."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from flyball.cli.connection import Connection
from flyball.cli.errors import ERROR, USAGE, CommandError
from flyball.cli.inputs import name_of, opened
from flyball.cli.output import Form, FormOption, note, show

if TYPE_CHECKING:
    from flyball.cli.results.events import Destination
    from flyball.cli.results.findings import Results

application = typer.Typer(help="What evaluation tools found, as evaluations of a release.", no_args_is_help=True)
TOOLS: Final = {
    "garak": ("garak", "report.jsonl of garak 0.9 and newer."),
    "inspect": ("inspect_log", "A .eval or .json log of inspect_ai 0.3."),
    "deepeval": ("deepeval", "test_run_<time>.json of deepeval 3 or 4, from its results_folder."),
    "promptfoo": ("promptfoo", "results.json of promptfoo eval -o."),
    "ragas": ("ragas", "The table of ragas as CSV, JSON or JSON lines."),
}
"""Module and file of each."""
SENT: Final = ("TOOL", "RUN", ">EVALUATIONS", ">ATTEMPTS", ">SENT", ">BEFORE", ">UNJUDGED", ">FLAWS")
PAST_MAX: Final = timedelta(days=7)
UNKNOWN_VERSION: Final = "unknown"

FileArgument = Annotated[Path, typer.Argument(help="The tool's result file; - is stdin.")]
SystemOption = Annotated[str, typer.Option("--system", "-s", help="The system that was evaluated.")]
ReleaseOption = Annotated[str, typer.Option("--release", "-r", help="Its release.")]
VersionOption = Annotated[str | None, typer.Option(help="Of the tool, where the file does not say.")]
TimeOption = Annotated[
    str | None, typer.Option("--time", help="When it counts: now, or a time with its zone; else when the tool ran.")
]
DryOption = Annotated[bool, typer.Option("--dry-run", help="Read, tell, and send nothing.")]
AgainOption = Annotated[bool, typer.Option("--again", help="From the beginning, whatever was sent before.")]
GuardrailOption = Annotated[
    bool, typer.Option("--guardrails/--no-guardrails", help="Attacks as guardrail checks too (garak).")
]


@dataclass(frozen=True, slots=True)
class _Wish:
    file: Path
    system: str
    release: str
    version: str | None
    time: str | None
    again: bool
    guardrails: bool


def _command(tool: str) -> Callable[..., None]:
    def run(  # noqa: PLR0917  typer makes options of them
        context: typer.Context,
        file: FileArgument,
        system: SystemOption,
        release: ReleaseOption,
        evaluator_version: VersionOption = None,
        time: TimeOption = None,
        dry_run: DryOption = False,
        again: AgainOption = False,
        guardrails: GuardrailOption = True,
        output: FormOption = Form.TABLE,
    ) -> None:
        wish = _Wish(file, system, release, evaluator_version, time, again, guardrails)
        _import(context.obj, tool, wish, dry_run, output)

    run.__doc__ = f"{TOOLS[tool][1]} Importing it again counts nothing twice."
    return run


for _tool in TOOLS:
    application.command(_tool)(_command(_tool))


def _import(connection: Connection, tool: str, wish: _Wish, dry_run: bool, output: Form) -> None:
    from hashlib import sha256

    from flyball.cli.results.events import count_of
    from flyball.cli.results.receipts import receipt_of

    data = _content(wish.file)
    results = _read(tool, data, wish.file)
    destination = _destination(results, wish)
    digest = sha256("\n".join((connection.url, wish.system, wish.release, str(wish.guardrails))).encode() + data)
    receipt = receipt_of(digest.hexdigest())
    before = 0 if wish.again or dry_run else min(receipt.events, count_of(results, destination))
    sent = 0 if dry_run else _send(connection, results, destination, before, receipt.write)
    told: dict[str, Any] = {
        "tool": tool,
        "run": results.run,
        "evaluations": len(results.judgements),
        "attempts": len(results.attempts) if wish.guardrails else 0,
        "sent": sent,
        "before": before,
        "unjudged": results.unjudged,
        "flaws": results.flaw_count,
    }
    show(output, told, lambda: (SENT, [[str(value) for value in told.values()]]))
    _tell(results, destination, dry_run, before, sent)


def _content(file: Path) -> bytes:
    from flyball.cli.results.findings import FILE_BYTES_MAX

    with opened(file) as stream:
        data = stream.read(FILE_BYTES_MAX + 1)
    if len(data) > FILE_BYTES_MAX:
        raise CommandError(
            f"{name_of(file)} has more than {FILE_BYTES_MAX} bytes", "split the run, and import each part", USAGE
        )
    return data


def _read(tool: str, data: bytes, file: Path) -> "Results":
    from hashlib import sha256
    from importlib import import_module

    from flyball.cli.results.findings import FormatError

    reader = import_module(f"flyball.cli.results.{TOOLS[tool][0]}")
    try:
        results: Results = reader.read(data, sha256(data).hexdigest()).settled()
    except FormatError as error:
        raise CommandError(f"{name_of(file)}: {error}", error.following, USAGE) from error
    return results


def _destination(results: "Results", wish: _Wish) -> "Destination":
    """Raises ``CommandError`` for a bad name, or a time that telemetry-ingest would not take."""
    from pydantic import ValidationError

    from flyball.cli.results.events import Destination, events_of
    from flyball.cli.results.findings import first_error

    at = _moment(results, wish)
    version = wish.version or results.version or UNKNOWN_VERSION
    if wish.time:
        results.at_once(at)
    destination = Destination(wish.system, wish.release, version, at, wish.guardrails)
    try:
        next(events_of(results, destination), None)
    except ValidationError as error:
        raise CommandError(first_error(error), "see --system and --release in flyball import --help", USAGE) from error
    return destination


def _moment(results: "Results", wish: _Wish) -> datetime:
    now = datetime.now(UTC)
    if wish.time == "now":
        return now
    try:
        at = datetime.fromisoformat(wish.time) if wish.time else results.at or _changed_at(wish.file, now)
    except ValueError as error:
        raise CommandError(f"--time {wish.time}: {error}", "write now, or 2026-11-21T09:30:00Z", USAGE) from error
    at = at.astimezone(UTC)
    if now - at > PAST_MAX:
        raise CommandError(
            f"it is of {at:%Y-%m-%d}, and what is older than {PAST_MAX.days} days is rejected",
            "add --time now to count it today",
        )
    return at


def _changed_at(file: Path, now: datetime) -> datetime:
    """Some tools do not write down when they ran: then the file's own time."""
    return datetime.fromtimestamp(file.stat().st_mtime, UTC) if file.is_file() else now


def _send(
    connection: Connection, results: "Results", destination: "Destination", before: int, done: Callable[[int], None]
) -> int:
    from itertools import islice

    from flyball.cli.progress import Progress
    from flyball.cli.results.events import count_of, events_of
    from flyball.cli.sending import batches, post

    sent = 0
    with Progress(count_of(results, destination) - before) as progress, connection.client() as client:
        for batch in batches(islice(events_of(results, destination), before, None)):
            sent += post(client, batch)
            done(before + sent)
            progress.update(len(batch), len(batch))
    return sent


def _tell(results: "Results", destination: "Destination", dry_run: bool, before: int, sent: int) -> None:
    for flaw in results.flaws:
        note(flaw)
    if results.flaw_count > len(results.flaws):
        note("further flaws are only counted")
    if destination.evaluator_version == UNKNOWN_VERSION:
        note(f"the file does not say which {results.tool} made it; --evaluator-version keeps versions apart")
    if dry_run:
        note("nothing was sent: --dry-run")
    elif before and not sent:
        note("all of it was sent before; --again sends it once more, and still counts nothing twice within 24 h")
    if results.flaw_count:
        raise CommandError(
            f"{results.flaw_count} pieces could not be read, the others were {'' if dry_run else 'sent'}".rstrip(),
            "look at the places named above",
            ERROR,
        )
