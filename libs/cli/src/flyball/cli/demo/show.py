"""The demo on the terminal: budgets as they fall, and the recount at the end."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from rich.console import Group
from rich.table import Table
from rich.text import Text

DIMENSIONS = ("accuracy", "safety", "performance", "availability")
COLOURS = {
    "green": "green",
    "velocity": "green",
    "yellow": "yellow",
    "caution": "yellow",
    "red": "bold red",
    "freeze": "bold red",
}
VERDICTS = ("counted", "duplicates", "rejected")
BAR_CELLS = 10


def budgets_table(clock: datetime, items: Sequence[Mapping[str, Any]], published: int, note: str) -> Group:
    """All systems and dimensions at one moment of the day."""
    table = Table(title=f"{clock:%H:%M}   {published:,} events published", title_justify="left")
    table.add_column("system")
    for dimension in DIMENSIONS:
        table.add_column(dimension)
    for item in items:
        budgets = {budget["dimension"]: budget for budget in item["budgets"]}
        table.add_row(item["system"], *(_cell(budgets.get(dimension)) for dimension in DIMENSIONS))
    return Group(table, Text(note, style="dim"))


def _cell(budget: Mapping[str, Any] | None) -> Text:
    if budget is None or budget["remaining_ppm"] is None:
        return Text("no data", style="dim")
    percent = budget["remaining_ppm"] // 10_000
    cells = max(0, min(BAR_CELLS, percent // (100 // BAR_CELLS)))
    bar = "█" * cells + "·" * (BAR_CELLS - cells)
    return Text(f"{bar} {percent:>4} % {budget['zone']}", style=COLOURS.get(budget["zone"], "dim"))


def budgets_line(clock: datetime, items: Sequence[Mapping[str, Any]]) -> str:
    """The same in one line, for terminals that cannot redraw and for logs."""
    accuracy = {
        item["system"]: budget
        for item in items
        for budget in item["budgets"]
        if budget["dimension"] == "accuracy" and budget["remaining_ppm"] is not None
    }
    parts = [f"{name} {budget['remaining_ppm'] // 10_000} % {budget['zone']}" for name, budget in accuracy.items()]
    return f"{clock:%H:%M}  accuracy left: " + (", ".join(parts) or "no data yet")


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
