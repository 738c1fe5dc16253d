"""What happened, line by line with times; and the table at the end."""

import sys
import time
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Row:
    """Something that was expected and what was found."""

    what: str
    expected: object
    found: object

    @property
    def right(self) -> bool:
        return self.expected == self.found


@dataclass(slots=True)
class Journal:
    """Says what happens as it happens, and collects what was compared."""

    started_at: float = field(default_factory=time.monotonic)
    rows: list[Row] = field(default_factory=list)

    @property
    def seconds(self) -> float:
        return time.monotonic() - self.started_at

    def say(self, text: str) -> None:
        sys.stdout.write(f"[{self.seconds:7.1f} s] {text}\n")
        sys.stdout.flush()

    def compare(self, what: str, expected: object, found: object) -> None:
        self.rows.append(Row(what, expected, found))

    @property
    def wrong(self) -> list[Row]:
        return [row for row in self.rows if not row.right]

    def table(self) -> str:
        """Every comparison on a line."""
        cells = [(row.what, _short(row.expected), _short(row.found), "" if row.right else "WRONG") for row in self.rows]
        head = ("what", "expected", "found", "")
        widths = [max(len(line[column]) for line in (head, *cells)) for column in range(3)]
        lines = (
            f"{line[0]:<{widths[0]}}  {line[1]:>{widths[1]}}  {line[2]:>{widths[2]}}  {line[3]}".rstrip()
            for line in (head, *cells)
        )
        return "\n".join(lines)


def _short(value: object) -> str:
    text = str(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
