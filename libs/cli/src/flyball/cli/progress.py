"""A progress bar on stderr, where somebody watches."""

from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bar


class Progress:
    """Counts events; shows the part of ``bytes_total`` that is done, if it is known."""

    def __init__(self, bytes_total: int | None) -> None:
        console = Console(stderr=True)
        columns = (TextColumn("sent {task.fields[events]} events"), BarColumn(), TimeElapsedColumn())
        self._bar = Bar(*columns, console=console, transient=True, disable=not console.is_terminal)
        self._task = self._bar.add_task("send", total=bytes_total, events=0)
        self._events = 0

    def update(self, events: int, length_bytes: int) -> None:
        self._events += events
        self._bar.update(self._task, advance=length_bytes, events=self._events)

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.stop()
