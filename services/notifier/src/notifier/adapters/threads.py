"""Clients that block, on threads of their own and within a bound."""

import asyncio
from collections.abc import Callable
from concurrent.futures import Executor

from notifier.adapters.answers import nothing_heard
from notifier.ports import Sent

ATTEMPT_SECONDS_MAX = 15.0
"""Of one attempt as a whole: half the lease."""


async def in_thread(executor: Executor, send: Callable[[], Sent]) -> Sent:
    """What ``send`` says, or that nothing was heard in time."""
    try:
        future = asyncio.get_running_loop().run_in_executor(executor, send)
        return await asyncio.wait_for(future, ATTEMPT_SECONDS_MAX)
    except TimeoutError as error:
        return nothing_heard(error)
