"""`flyball rejected list|show|repair|replay`."""

import json
import sys
from collections.abc import Iterator, Mapping
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from flyball.cli.connection import PAGES_MAX, Connection
from flyball.cli.errors import USAGE, CommandError
from flyball.cli.figures import moment
from flyball.cli.output import Form, FormOption, note, show
from flyball.cli.replays import Tally, described, done_row, listed_row

application = typer.Typer(help="Records that were not counted: why, and their second chance.", no_args_is_help=True)
LISTED: Final = ("WHEN", "SYSTEM", "REASON", "FIELD", "DETAIL", "ID", "REPLAYED")
REPLAYED: Final = ("ID", "SYSTEM", "EVENT", "WHAT")
SUMMED: Final = (">REPLAYED", ">BEFORE", ">REFUSED")
REPLAYS_MAX: Final = 100_000
PAGE_ITEMS: Final = 200

SystemOption = Annotated[str | None, typer.Option("--system", "-s", help="One system only.")]
ReasonFilter = Annotated[str | None, typer.Option("--reason", help="One reason only, such as invalid_field.")]
SinceOption = Annotated[str | None, typer.Option("--since", help="From this time on: 2026-11-21T09:30:00Z.")]
UntilOption = Annotated[str | None, typer.Option("--until", help="Before this time.")]
SetOption = Annotated[
    list[str] | None, typer.Option("--set", help="field=value; the value is JSON, else text. Repeat it.")
]
WhyOption = Annotated[str, typer.Option("--why", "-m", help="For the audit log.")]
DryOption = Annotated[bool, typer.Option("--dry-run", help="Look, judge, and publish nothing.")]


@application.command("list")
def records(  # noqa: PLR0917  typer makes options of them
    context: typer.Context,
    system: SystemOption = None,
    reason: ReasonFilter = None,
    since: SinceOption = None,
    until: UntilOption = None,
    waiting: Annotated[bool, typer.Option("--waiting", help="Only what nobody has replayed.")] = False,
    limit: Annotated[int, typer.Option(min=1, max=500, help="The newest so many.")] = 20,
    after: Annotated[int | None, typer.Option(min=0, help="Go on where the last page said.")] = None,
    output: FormOption = Form.TABLE,
) -> None:
    """The newest first, with the reason and the field."""
    connection: Connection = context.obj
    asked = _asked(system, reason, since, until, waiting=waiting)
    page = connection.get("/v1/rejected", **asked, limit=limit, after=after)
    show(output, page["items"], lambda: (LISTED, [listed_row(item) for item in page["items"]]))
    if page["next"] is not None:
        note(f"there are more: the same with --after {page['next']}")


@application.command("show")
def one(
    context: typer.Context,
    identity: str,
    body: Annotated[bool, typer.Option("--body", help="Its bytes and nothing else, as they arrived.")] = False,
    output: FormOption = Form.TABLE,
) -> None:
    """One record, whole: why, where it was, its headers and its bytes."""
    from flyball.cli.repairs import body_of

    whole = _whole(context.obj, identity)
    if body:
        sys.stdout.buffer.write(body_of(whole) or b"")
        return
    show(output, whole, lambda: (("", ""), described(whole, body_of(whole) or b"")))


@application.command("repair")
def repair(
    context: typer.Context,
    identity: str,
    why: WhyOption,
    assignments: SetOption = None,
    file: Annotated[Path | None, typer.Option("--file", help="The mended event, whole; - is stdin.")] = None,
    dry_run: DryOption = False,
    output: FormOption = Form.TABLE,
) -> None:
    """Mend one record with --set, --file or your editor, and replay it with the same source and id."""
    connection: Connection = context.obj
    event = _mended(_whole(connection, identity), assignments, file)
    from flyball.cli.repairs import judged

    judged(event, identity)
    if dry_run:
        print(event.decode())
        note("it would be counted; nothing was published: --dry-run")
        return
    done = _replay(connection, identity, why, event)
    show(output, done, lambda: (REPLAYED, [done_row(done)]))
    if not done["replayed"]:
        note(f"nothing was published: {done['actor']} replayed it at {moment(done['replayed_at'])}")


@application.command("replay")
def replay(  # noqa: PLR0917  typer makes options of them
    context: typer.Context,
    why: WhyOption,
    identities: Annotated[list[str] | None, typer.Argument(help="Records; else all that the filters name.")] = None,
    system: SystemOption = None,
    reason: ReasonFilter = None,
    since: SinceOption = None,
    until: UntilOption = None,
    assignments: SetOption = None,
    dry_run: DryOption = False,
    output: FormOption = Form.TABLE,
) -> None:
    """Replay records as they arrived, or all with the same --set. What was replayed before is not replayed again."""
    connection: Connection = context.obj
    if not identities and system is None and reason is None and since is None:
        raise CommandError("which records?", "name them, or give --system, --reason or --since", USAGE)
    asked = _asked(system, reason, since, until, waiting=True)
    wanted = list(identities or islice(_waiting(connection, asked), REPLAYS_MAX))
    tally = Tally()
    from flyball.cli.progress import Progress

    with Progress(len(wanted)) as progress:
        for identity in wanted:
            tally.add(identity, partial(_one, connection, identity, why, assignments, dry_run=dry_run))
            progress.update(1, 1)
    told = {"replayed": tally.replayed, "before": tally.before, "refused": tally.refused}
    show(output, told, lambda: (SUMMED, [[str(value) for value in told.values()]]))
    tally.end(dry_run=dry_run)


def _one(connection: Connection, identity: str, why: str, assignments: list[str] | None, *, dry_run: bool) -> bool:
    """Whether it was, or would be, published."""
    from flyball.cli.repairs import assigned, body_of, document_of, judged

    if not assignments and not dry_run:
        return bool(_replay(connection, identity, why, None)["replayed"])
    whole = _whole(connection, identity)
    if assignments:
        event = json.dumps(assigned(document_of(whole), assignments)).encode()
    elif whole.get("replayed_at"):
        return False
    else:
        event = json.dumps(document_of(whole)).encode() if whole["headers"] else body_of(whole) or b""
    judged(event, identity)
    if dry_run:
        return not whole.get("replayed_at")
    return bool(_replay(connection, identity, why, event)["replayed"])


def _mended(whole: Mapping[str, Any], assignments: list[str] | None, file: Path | None) -> bytes:
    from flyball.cli.inputs import opened
    from flyball.cli.repairs import EVENT_BYTES_MAX, assigned, body_of, document_of, edited

    if file is not None and assignments:
        raise CommandError("--file and --set are two ways to mend it", "give one of them", USAGE)
    if file is not None:
        with opened(file) as stream:
            return stream.read(EVENT_BYTES_MAX + 1)
    if assignments:
        return json.dumps(assigned(document_of(whole), assignments)).encode()
    try:
        text = json.dumps(document_of(whole), indent=2, ensure_ascii=False)
    except CommandError:
        # No JSON: then the text itself is what there is to mend.
        text = (body_of(whole) or b"").decode("utf-8", "replace")
    return edited(text).encode("utf-8", "replace")


def _replay(connection: Connection, identity: str, why: str, event: bytes | None) -> dict[str, Any]:
    from urllib.parse import quote

    body = {"reason": why, **({} if event is None else {"event": event.decode("utf-8", "replace")})}
    done: dict[str, Any] = connection.post(f"/v1/rejected/{quote(identity, safe='')}/replay", body)
    return done


def _waiting(connection: Connection, asked: Mapping[str, str | None]) -> Iterator[str]:
    after: int | None = None
    for _ in range(PAGES_MAX):
        page = connection.get("/v1/rejected", **asked, limit=PAGE_ITEMS, after=after)
        yield from (str(item["id"]) for item in page["items"])
        after = page["next"]
        if after is None:
            return


def _asked(
    system: str | None, reason: str | None, since: str | None, until: str | None, *, waiting: bool
) -> dict[str, str | None]:
    return {
        "system": system,
        "reason": reason,
        "since": since,
        "until": until,
        "waiting": "true" if waiting else None,
    }


def _whole(connection: Connection, identity: str) -> dict[str, Any]:
    from urllib.parse import quote

    whole: dict[str, Any] = connection.get(f"/v1/rejected/{quote(identity, safe='')}")
    return whole
