"""`flyball watch`: a line for each change of a budget, a level or an incident, until Ctrl-C."""

import json
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from flyball.cli import figures
from flyball.cli.commands.autonomy import held_by, level_of, says_something
from flyball.cli.commands.incidents import severity
from flyball.cli.connection import Connection, answer_of
from flyball.cli.errors import OK, UNREACHABLE, CommandError
from flyball.cli.output import Form, FormOption, note, printable

if TYPE_CHECKING:
    import httpx

LOOK_SECONDS: Final = 1.0


@dataclass(frozen=True, slots=True)
class Line:
    """The state of one thing. Two lines with the same ``kind``, ``system`` and ``subject`` are about the same thing."""

    kind: str
    system: str
    subject: str
    state: str
    detail: str

    @property
    def about(self) -> tuple[str, str, str]:
        return self.kind, self.system, self.subject


def budget_lines(page: Mapping[str, Any]) -> Iterator[Line]:
    for item in page["items"]:
        for budget in item["budgets"]:
            detail = f"{figures.left(budget)} left"
            yield Line("budget", item["system"], budget["dimension"], figures.zone(budget), detail)


def level_lines(page: Mapping[str, Any]) -> Iterator[Line]:
    for item in filter(says_something, page["items"]):
        newest = item["levels"][0]["level"] if item["levels"] else item["starting_level"]
        detail = ", ".join([*held_by(item), item["reason"]])
        yield Line("level", item["system"], item["action_class"], level_of(item, newest), detail)


def incident_lines(page: Mapping[str, Any]) -> Iterator[Line]:
    # Console has the newest first; here the newest comes last, as what happens does.
    for item in reversed(page["items"]):
        by = f", acknowledged by {item['acknowledged_by']}" if item["acknowledged_by"] else ""
        detail = f"{severity(item)}, epoch {item['epoch']}{by}: {item['title']}"
        yield Line("incident", ", ".join(item["systems"][:3]), item["id"], item["state"], detail)


@dataclass(slots=True)
class Source:
    """One page of console's that is looked at again and again; what was seen already is not sent again."""

    path: str
    parameters: Mapping[str, str]
    lines: Callable[[Mapping[str, Any]], Iterator[Line]]
    tag: str = ""
    away: str = ""
    """Why it could not be looked at the last time; told once."""
    known: dict[tuple[str, str, str], Line] = field(default_factory=dict)

    def look(self, client: "httpx.Client") -> list[Line]:
        """Lines that are new or not what they were. Raises ``CommandError``."""
        headers = {"If-None-Match": self.tag} if self.tag else {}
        response = client.get(self.path, params=dict(self.parameters), headers=headers)
        if response.status_code == HTTPStatus.NOT_MODIFIED:
            return []
        now = {line.about: line for line in self.lines(answer_of(response))}
        changed = [line for about, line in now.items() if self.known.get(about) != line]
        self.tag, self.known = response.headers.get("etag", ""), now
        return changed


def watch(
    context: typer.Context,
    system: Annotated[str | None, typer.Argument(help="One system only.")] = None,
    output: FormOption = Form.TABLE,
) -> None:
    """Budgets, levels and incidents: the states of now, then each change, until Ctrl-C."""
    of_system = {"system": system} if system else {}
    sources = [
        Source("/v1/budgets", of_system, budget_lines),
        Source("/v1/autonomy", of_system, level_lines),
        Source("/v1/incidents", {"state": "all"}, incident_lines),
    ]
    try:
        _first_look(context.obj, sources, system, output)
        while True:
            time.sleep(LOOK_SECONDS)
            _look(context.obj, sources, system, output)
    except KeyboardInterrupt:
        raise typer.Exit(OK) from None


def _first_look(connection: Connection, sources: list[Source], system: str | None, output: Form) -> None:
    """Console must answer at least once, so that a wrong address or token is told at once."""
    _look(connection, sources, system, output)
    if all(source.away for source in sources):
        raise CommandError(sources[0].away, "flyball doctor", UNREACHABLE)


def _look(connection: Connection, sources: list[Source], system: str | None, output: Form) -> None:
    for source in sources:
        try:
            with connection.client() as client:
                changed = source.look(client)
        except CommandError as error:
            if error.exit_code != UNREACHABLE:
                raise
            if not source.away:
                note(f"{error}; looking again every {LOOK_SECONDS:.0f} s")
            source.away = str(error)
            continue
        if source.away:
            note(f"{source.path} answers again")
        source.away = ""
        for line in changed:
            if system is None or system in line.system.split(", "):
                _print(line, output)


def _print(line: Line, output: Form) -> None:
    at = datetime.now(UTC)
    data = {"at": at.isoformat(timespec="seconds"), **asdict(line)}
    if output is Form.JSON:
        print(json.dumps(data, ensure_ascii=False), flush=True)
    elif output is Form.YAML:
        import yaml

        print(yaml.safe_dump(data, sort_keys=False, allow_unicode=True, explicit_start=True), end="", flush=True)
    else:
        said = f"{at:%H:%M:%S}  {line.kind:<9} {line.system:<20} {line.subject:<16} {line.state:<10} {line.detail}"
        print(printable(said), flush=True)
