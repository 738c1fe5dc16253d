"""The demo on the terminal: a line for everything that happens, and the recount at the end."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from rich.console import Console
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from flyball.cli.checks import Finding
from flyball.cli.demo.traffic import VERDICTS

WHO_STYLES = {"PagerDuty": "bold red", "Slack": "magenta", "you": "cyan"}
ZONE_STYLES = {"green": "green", "velocity": "green", "yellow": "yellow", "caution": "yellow"}
WHO_CELLS, HEAD_CELLS = 14, 9


@dataclass(frozen=True, slots=True)
class Teller:
    console: Console
    started_at: float = field(default_factory=time.monotonic)

    def doctor(self, found: Sequence[Finding]) -> None:
        """What was looked at, in a line; what is not there comes with the reason."""
        self.say("doctor", "  ".join(f"✓ {finding.check}" for finding in found if finding.state == "ok"))
        for finding in found:
            if finding.state == "failed":
                self.say("doctor", f"✗ {finding.check}: {finding.detail}")

    def chapter(self, title: str, explanation: str) -> None:
        self.console.print()
        self.console.print(Rule(Text(title, style="bold"), align="left"))
        self.console.print(Text(explanation, style="dim"), soft_wrap=True)

    def say(self, who: str, what: str) -> None:
        """One line; what a provider got may have several."""
        style = WHO_STYLES.get(who, "bold")
        head = Text(f"{time.monotonic() - self.started_at:5.1f} s  ", style="dim")
        first, *others = what.splitlines() or [""]
        self.console.print(head + Text(f"{who:<{WHO_CELLS}}  ", style=style) + Text(first), soft_wrap=True)
        for line in others:
            self.console.print(Text(" " * (HEAD_CELLS + WHO_CELLS + 2) + line), soft_wrap=True)

    def budgets(self, items: Sequence[Mapping[str, Any]]) -> None:
        """How much of each system's accuracy budget is left, in a line."""
        found = {
            item["system"]: budget
            for item in items
            for budget in item["budgets"]
            if budget["dimension"] == "accuracy" and budget["remaining_ppm"] is not None
        }
        if not found:
            return
        line = Text("accuracy left: ", style="dim")
        for system, budget in found.items():
            left = f"{system} {budget['remaining_ppm'] // 10_000} % {budget['zone']}"
            line += Text(f"{left}   ", style=ZONE_STYLES.get(budget["zone"], "bold red" if "red" in left else "dim"))
        head = Text(f"{time.monotonic() - self.started_at:5.1f} s  ", style="dim")
        self.console.print(head + line, soft_wrap=True)

    def claim(self, what: str, holds: bool) -> bool:
        """Something that the demo has just checked; returns whether it is true."""
        head = Text(f"{time.monotonic() - self.started_at:5.1f} s  ", style="dim")
        told = Text(f"✓ {what}", style="green") if holds else Text(f"✗ NOT TRUE: {what}", style="bold red")
        self.console.print(head + told, soft_wrap=True)
        return holds


def recount_table(expected: Mapping[str, Mapping[str, int]], found: Mapping[str, Mapping[str, int]]) -> Table:
    """Totals as Flyball has them beside an independent count of what was sent."""
    table = Table(title="published = counted + duplicates + rejected", title_justify="left")
    for heading in ("system", "published", *VERDICTS, "recount", ""):
        table.add_column(heading, justify="left" if heading == "system" else "right")
    for system, counts in sorted(expected.items()):
        seen = found.get(system, {})
        same = all(seen.get(verdict, 0) == counts[verdict] for verdict in VERDICTS)
        table.add_row(
            system,
            str(sum(seen.get(verdict, 0) for verdict in VERDICTS)),
            *(str(seen.get(verdict, 0)) for verdict in VERDICTS),
            " + ".join(str(counts[verdict]) for verdict in VERDICTS),
            Text("exact", style="green") if same else Text("DIFFERS", style="bold red"),
        )
    return table
