"""Clocks on functions of the real service: whose processor time it is."""

import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from functools import wraps
from inspect import iscoroutinefunction
from typing import Any
from unittest.mock import patch

Clocked = Mapping[str, Sequence[tuple[Any, str]]]
"""Functions by part, each as its owner and its name."""


class Clocks:
    """Processor seconds by part, for one task at a time. What a part calls of another part counts there alone."""

    def __init__(self) -> None:
        self.spent: Counter[str] = Counter()
        self._open: list[str] = []
        self._since = 0.0

    def enter(self, part: str) -> None:
        self._count()
        self._open.append(part)

    def leave(self) -> None:
        self._count()
        self._open.pop()

    def _count(self) -> None:
        now = time.process_time()
        if self._open:
            self.spent[self._open[-1]] += now - self._since
        self._since = now

    @contextmanager
    def on(self, parts: Clocked) -> Iterator[None]:
        """AttributeError where the service has no such function any more."""
        with ExitStack() as stack:
            for part, functions in parts.items():
                for owner, name in functions:
                    stack.enter_context(patch.object(owner, name, _clocked(getattr(owner, name), part, self)))
            yield


def _clocked(function: Callable[..., Any], part: str, clocks: Clocks) -> Callable[..., Any]:
    @wraps(function)
    async def awaited(*arguments: Any) -> Any:
        clocks.enter(part)
        try:
            return await function(*arguments)
        finally:
            clocks.leave()

    @wraps(function)
    def called(*arguments: Any) -> Any:
        clocks.enter(part)
        try:
            return function(*arguments)
        finally:
            clocks.leave()

    return awaited if iscoroutinefunction(function) else called
