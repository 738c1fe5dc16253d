"""People: every review is answered by two of them at once, who need not agree."""

import asyncio
from collections import defaultdict
from dataclasses import dataclass, field
from http import HTTPStatus
from random import Random
from typing import Any

from tests.chaos.loop.desk import Desk
from tests.chaos.loop.wishes import SYSTEM

POLL_SECONDS = 0.5
# An hour of one reviewer has 40 verdicts, and some are tried again because the answer was lost.
TRIES_PER_PERSON = 20
AT_ONCE = 20


@dataclass(slots=True)
class People:
    """``accepted``: the resolutions that the controller said it took, by review."""

    desk: Desk
    random: Random
    accepted: defaultdict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    _tries: int = 0

    async def work(self) -> None:
        """Until cancelled."""
        while True:
            answer = await self.desk.ask("GET", "/v1/reviews", params={"system": SYSTEM, "state": "open"})
            items = answer.json()["items"] if answer is not None else []
            open_ = [item["review_id"] for item in items if item["kind"] == "approval"]
            await asyncio.gather(*(self._answer(review_id) for review_id in open_[:AT_ONCE]))
            await asyncio.sleep(POLL_SECONDS)

    async def _answer(self, review_id: str) -> None:
        await asyncio.gather(*(self._vote(review_id, self._person()) for _ in range(2)))

    async def _vote(self, review_id: str, person: str) -> None:
        resolution = "approve" if self.random.random() < 0.75 else "reject"
        judgment = {"reviewer": person, "judgment": resolution, "confidence": 4}
        # Some reviews want the person's own judgment first; to the others it does no harm.
        await self._say(review_id, "judgment", judgment)
        taken = await self._say(review_id, "verdict", {"reviewer": person, "resolution": resolution})
        if taken is not None:
            self.accepted[review_id].append(taken["resolution"])

    async def _say(self, review_id: str, what: str, body: dict[str, Any]) -> dict[str, Any] | None:
        answer = await self.desk.ask("POST", f"/v1/reviews/{review_id}/{what}", json=body)
        if answer is None or answer.status_code == HTTPStatus.CONFLICT:
            return None
        assert answer.status_code == HTTPStatus.OK, answer.text
        told: dict[str, Any] = answer.json()
        return told

    def _person(self) -> str:
        self._tries += 1
        return f"user:person-{self._tries // TRIES_PER_PERSON}"
