"""A dead-man switch: an outside checker hears of us as long as alerts would be told, else it calls people."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import httpx

logger = logging.getLogger(__name__)
ATTEMPT_SECONDS_MAX = 10.0


@dataclass(slots=True)
class Heartbeat:
    """Silence is the message, so nothing is sent again and nothing stops the service."""

    client: httpx.AsyncClient
    url: str
    seconds: float
    stands_in_the_way: Callable[[], Awaitable[str | None]]
    """Why somebody might not be told now; None: nothing."""
    _said: str = ""

    async def run(self) -> None:
        """Beat until cancelled."""
        while True:
            await self.beat()
            await asyncio.sleep(self.seconds)

    async def beat(self) -> bool:
        """Tell the checker, unless something stands in the way; whether it heard."""
        why = await self.stands_in_the_way() or await self._send()
        if why != self._said:
            self._said = why
            logger.warning("the outside checker hears nothing: %s", why) if why else logger.info("it hears us again")
        return not why

    async def _send(self) -> str:
        """Why the checker did not hear; empty: it did. Its address is a secret and never part of it."""
        try:
            async with asyncio.timeout(ATTEMPT_SECONDS_MAX):
                answer = await self.client.post(self.url, json={"service": "notifier"}, timeout=ATTEMPT_SECONDS_MAX)
        except (httpx.HTTPError, httpx.InvalidURL, TimeoutError) as error:
            return f"no answer: {type(error).__name__}"
        return "" if answer.is_success else f"it answered {answer.status_code}"
