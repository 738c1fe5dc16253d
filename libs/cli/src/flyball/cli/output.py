"""Data on stdout in the form that was asked for; chatter on stderr."""

import json
import sys
from collections.abc import Callable, Sequence
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from rich.console import Console

PIPE_WIDTH = 10_000
"""Nothing is cut or wrapped where no terminal sets a width."""


class Form(StrEnum):
    TABLE = "table"
    JSON = "json"
    YAML = "yaml"


FormOption = Annotated[Form, typer.Option("--output", "-o", help="How to print the data.")]
Row = Sequence[str]
NUMERIC = ">"
"""A heading that begins with it stands over figures, to the right."""


def stdout() -> "Console":
    from rich.console import Console

    return Console(width=None if sys.stdout.isatty() else PIPE_WIDTH, highlight=False)


def note(text: str) -> None:
    """Chatter."""
    print(text, file=sys.stderr)


def show(form: Form, data: Any, table: Callable[[], tuple[Row, Sequence[Row]]]) -> None:
    """Print ``data`` whole, or as the table (headings, rows) that ``table`` makes of it."""
    if form is Form.JSON:
        print(json.dumps(data, indent=2, ensure_ascii=False))
    elif form is Form.YAML:
        import yaml

        print(yaml.safe_dump(data, sort_keys=False, allow_unicode=True), end="")
    else:
        headings, rows = table()
        print_table(headings, rows)


def print_table(headings: Row, rows: Sequence[Row]) -> None:
    """Control characters in cells are shown, not obeyed."""
    stdout().print(_table(headings, rows))


def _table(headings: Row, rows: Sequence[Row]) -> Any:
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in headings:
        numeric = heading.startswith(NUMERIC)
        table.add_column(
            heading.removeprefix(NUMERIC),
            justify="right" if numeric else "left",
            overflow="fold",
            no_wrap=not sys.stdout.isatty(),
        )
    for row in rows:
        table.add_row(*(Text(printable(cell), style=STYLES.get(cell, "")) for cell in row))
    return table


STYLES = {
    "green": "green",
    "yellow": "yellow",
    "red": "bold red",
    "velocity": "green",
    "caution": "yellow",
    "freeze": "bold red",
}


def printable(text: str) -> str:
    """``text`` on one line, without what could drive a terminal: data comes from strangers."""
    return "".join(character if character.isprintable() else repr(character)[1:-1] for character in text)
