"""One interaction, from request to answer, and the model calls within it."""

import logging
import time
from contextvars import ContextVar, Token
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self
from uuid import uuid4

from flyball.schemas.native import OUTCOME_OK, InteractionCompleted

if TYPE_CHECKING:
    from flyball.sdk.client import Client

logger = logging.getLogger("flyball.sdk")
CALLS_MAX = 1_000


@dataclass(slots=True)
class Facts:
    """What is told of an interaction when it ends."""

    given: dict[str, Any] = field(default_factory=dict)
    calls: int = 0

    def add(self, name: str, amount: int | None) -> None:
        if amount is not None:
            self.given[name] = self.given.get(name, 0) + amount


CURRENT: ContextVar[Facts | None] = ContextVar("flyball_interaction", default=None)


class Run:
    """``with run():`` or ``async with run():``. It measures, and tells on the way out; what is raised goes through."""

    def __init__(self, client: "Client | None", given: dict[str, Any]) -> None:
        self._client = client
        self._facts = Facts(given={name: value for name, value in given.items() if value is not None})
        self._token: Token[Facts | None] | None = None
        self._began = 0.0

    def __enter__(self) -> Self:
        self._token = CURRENT.set(self._facts)
        self._began = time.monotonic()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        latency_ms = (time.monotonic() - self._began) * 1_000
        if self._token is not None:
            CURRENT.reset(self._token)
        try:
            self._tell(latency_ms, kind)
        except Exception:
            logger.exception("an interaction was not told")

    async def __aenter__(self) -> Self:
        return self.__enter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.__exit__(kind, error, trace)

    def _tell(self, latency_ms: float, kind: type[BaseException] | None) -> None:
        if self._client is None:
            return
        found = {"interaction_id": str(uuid4()), "outcome": OUTCOME_OK, **self._facts.given}
        if kind is not None:
            found["outcome"] = kind.__name__[:64]
        event = InteractionCompleted.model_validate(
            {**found, "release": self._client.settings.release, "latency_ms": latency_ms}
        )
        self._client.publish_interaction(event, datetime.now(UTC))


class Call:
    """``with llm(model="...") as call:`` then ``call.used(input_tokens=..., output_tokens=...)``."""

    def __init__(self, given: dict[str, Any]) -> None:
        self._given = given
        self._began = 0.0

    def __enter__(self) -> Self:
        self._began = time.monotonic()
        facts = CURRENT.get()
        if facts is not None:
            facts.calls += 1
            facts.given.update({name: value for name, value in self._given.items() if value is not None})
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        return None

    async def __aenter__(self) -> Self:
        return self.__enter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return None

    def first_token(self) -> None:
        """The answer has begun."""
        facts = CURRENT.get()
        if facts is not None:
            facts.given.setdefault("time_to_first_token_ms", (time.monotonic() - self._began) * 1_000)

    def used(
        self,
        *,
        input_tokens: int | None = None,
        output_tokens: int | None = None,
        cached_input_tokens: int | None = None,
        reasoning_tokens: int | None = None,
        cost_micro_usd: int | None = None,
    ) -> None:
        """Adds to the interaction that this call is a part of; outside of one nothing is told."""
        facts = CURRENT.get()
        if facts is None:
            return
        facts.add("input_tokens", input_tokens)
        facts.add("output_tokens", output_tokens)
        facts.add("cached_input_tokens", cached_input_tokens)
        facts.add("reasoning_tokens", reasoning_tokens)
        facts.add("cost_micro_usd", cost_micro_usd)
