"""Rejected records as people see them, and what became of many of them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from flyball.cli.connection import NOT_ALLOWED
from flyball.cli.errors import ERROR, CommandError
from flyball.cli.figures import moment
from flyball.cli.output import note

REFUSALS_TOLD_MAX: Final = 20


@dataclass(slots=True)
class Tally:
    replayed: int = 0
    before: int = 0
    refused: int = 0

    def add(self, identity: str, act: Callable[[], bool]) -> None:
        """What cannot be replayed is told, and hurts no other. Without console, or leave, there is no next."""
        try:
            done = act()
        except CommandError as error:
            if error.exit_code != ERROR or error.reason == NOT_ALLOWED:
                raise
            self.refused += 1
            if self.refused <= REFUSALS_TOLD_MAX:
                note(f"{identity}: {error}")
            return
        self.replayed += done
        self.before += not done

    def end(self, *, dry_run: bool) -> None:
        if dry_run:
            note("nothing was published: --dry-run")
        elif self.before:
            note(f"{self.before} were replayed before: for them nothing was published")
        if self.refused:
            raise CommandError(
                f"{self.refused} would be rejected again, or be other events", "mend them: flyball rejected repair ID"
            )


def listed_row(item: Mapping[str, Any]) -> list[str]:
    replayed = f"{moment(item['replayed_at'])} by {item['replayed_by']}" if item.get("replayed_at") else ""
    named = [str(item[name] or "") for name in ("system", "reason", "field", "detail", "id")]
    return [moment(item["recorded_at"]), *named, replayed]


def described(whole: Mapping[str, Any], body: bytes) -> list[list[str]]:
    position = whole["position"]
    rows = [[name, str(whole.get(name) or "")] for name in ("id", "system", "reason", "field", "detail")]
    rows += [
        ["rejected", moment(whole["recorded_at"])],
        ["position", f"{position['topic']}[{position['partition']}]@{position['offset']}"],
        ["replayed", f"{moment(whole.get('replayed_at'))} {whole.get('replayed_by') or ''}".strip() or "no"],
        ["key", str(whole.get("key_text") or whole.get("key_base64") or "")],
    ]
    for header in whole["headers"]:
        rows.append([header["name"], str(header.get("value_text") or header.get("value_base64") or "")])
    return [*rows, ["body", f"{len(body)} bytes"], ["", body.decode("utf-8", "backslashreplace")]]


def done_row(done: Mapping[str, Any]) -> list[str]:
    what = ("repaired and replayed" if done["changed"] else "replayed") if done["replayed"] else "was replayed before"
    return [str(done["id"]), done["system"], f"{done['source']} {done['event_id']}", what]
