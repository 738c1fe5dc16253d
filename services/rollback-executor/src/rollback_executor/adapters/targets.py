"""The adapters that this process has, by name."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Protocol

from rollback_executor.adapters.redis import open_redis_targets
from rollback_executor.adapters.webhook import open_webhook_targets
from rollback_executor.ports import Target, TargetName
from rollback_executor.settings import Settings

REDIS, WEBHOOK = "redis", "webhook"


class OneAdapter(Protocol):
    def target(self, name: TargetName) -> Target: ...


class Adapters:
    """``ports.Targets`` over what is configured."""

    def __init__(self, adapters: Mapping[str, OneAdapter]) -> None:
        self._adapters = adapters

    def target(self, adapter: str, name: TargetName) -> Target | None:
        found = self._adapters.get(adapter)
        return found.target(name) if found else None

    def known(self) -> Sequence[str]:
        return sorted(self._adapters)


@asynccontextmanager
async def open_adapters(settings: Settings) -> AsyncIterator[Adapters]:
    """Redis where there is a URL, the webhook where there are URL and secret."""
    async with AsyncExitStack() as stack:
        adapters: dict[str, OneAdapter] = {}
        if settings.redis is not None:
            adapters[REDIS] = await stack.enter_async_context(open_redis_targets(settings))
        if settings.rollout_webhook_url is not None and settings.rollout_webhook_secret is not None:
            url = f"{str(settings.rollout_webhook_url).rstrip('/')}/"
            secret = settings.rollout_webhook_secret.get_secret_value()
            seconds = settings.rollout_target_timeout_seconds
            adapters[WEBHOOK] = await stack.enter_async_context(open_webhook_targets(url, secret, seconds))
        yield Adapters(adapters)
