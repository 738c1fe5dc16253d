"""Runs one service: its consumers, its relay and its HTTP port start, fail and stop together."""

import asyncio
import gc
import logging
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Generic

from faststream import FastStream
from starlette.routing import BaseRoute

from flyball.bus.broker import JoiningBroker
from flyball.bus.control import ControlConsumer
from flyball.bus.header_names import tolerate_any_header_name
from flyball.bus.hot import HotConsumer
from flyball.bus.precedence import Precedence
from flyball.bus.processor import Processor
from flyball.bus.producer import open_publisher
from flyball.bus.relay import Relay
from flyball.bus.security import faststream_security
from flyball.bus.settings import KafkaSettings
from flyball.bus.subscription import Subscription, Wiring
from flyball.observe.health import Health, Progress
from flyball.observe.http import HttpSettings, health_routes, http_server, unavailable_on
from flyball.observe.metrics import Metrics
from flyball.store.errors import Transient
from flyball.store.ports import Database, Tx

logger = logging.getLogger(__name__)
WATCH_SECONDS = 1.0
STOP_SECONDS_MAX = 30.0


class StalledError(Exception):
    """A consumer made no progress; the process ends so that its supervisor starts a fresh one."""


@dataclass(slots=True)
class Runtime(Generic[Tx]):
    """Everything that one service runs on. ``run`` returns when it is cancelled, and raises when a part fails."""

    wiring: Wiring[Tx]
    kafka: KafkaSettings
    http: HttpSettings
    database: Database[Tx]
    metrics: Metrics
    routes: Sequence[BaseRoute] = ()
    health: Health = field(default_factory=Health)
    background: Sequence[Callable[[], Coroutine[Any, Any, None]]] = ()
    """What else runs as long as the service does; when one of these fails, the service does."""
    _failure: asyncio.Future[None] = field(init=False)
    _relay: Relay[Tx] | None = None
    _hot: list[HotConsumer[Tx]] = field(default_factory=list)
    _control: list[ControlConsumer[Tx]] = field(default_factory=list)
    _precedences: list[Precedence] = field(default_factory=list)

    async def run(self) -> None:
        tolerate_any_header_name()
        self._failure = asyncio.get_running_loop().create_future()
        async with AsyncExitStack() as stack:
            publisher = await stack.enter_async_context(open_publisher(self.kafka, self.wiring.name))
            relay = self._relay = Relay(self.database, publisher, self.metrics)
            await stack.enter_async_context(self._task(relay.run(), "relay"))
            await stack.enter_async_context(self._http_port())
            await stack.enter_async_context(self._consumers(relay))
            for consumer in self._control:
                await stack.enter_async_context(self._task(consumer.chart(), "charts"))
            for precedence in self._precedences:
                await stack.enter_async_context(self._task(precedence.watch(), "watch over what comes first"))
            for work in self.background:
                await stack.enter_async_context(self._task(work(), "background"))
            await stack.enter_async_context(self._task(self._watch(), "watch"))
            # What lives now lives as long as the service: the collector need not look through it again. And batches
            # make many short-lived objects, so it looks less often (measured: a third less time for a raw event).
            gc.collect()
            gc.freeze()
            gc.set_threshold(50_000, 20, 100)
            self.health.started = True
            logger.info("started")
            try:
                await self._failure
            finally:
                self.health.stopping = True

    def wake(self) -> None:
        """Something was put into the outbox by other ways than a topic: publish it at once."""
        if self._relay is not None:
            self._relay.wake()

    @asynccontextmanager
    async def _consumers(self, relay: Relay[Tx]) -> AsyncIterator[None]:
        # FastStream writes a line for each message at INFO, and warns at each start that it creates no topics.
        errors_only = logging.getLogger("flyball.faststream")
        errors_only.setLevel(logging.ERROR)
        broker = JoiningBroker(
            # aiokafka splits at commas by itself, FastStream takes the whole string for one host.
            self.kafka.kafka.split(","),
            consumer_only=True,
            client_id=f"flyball-{self.wiring.name}",
            request_timeout_ms=self.kafka.kafka_request_timeout_ms,
            security=faststream_security(self.kafka),
            logger=errors_only,
        )
        app = FastStream(broker, logger=errors_only)
        for subscription in self.wiring.subscriptions:
            self._connect(subscription, broker, relay)
        async with AsyncExitStack() as stack:
            stack.push_async_callback(app.stop)
            # They join their groups beside the others, wait by themselves for what comes first, and end before it.
            for consumer in self._hot:
                await stack.enter_async_context(self._hot_task(consumer))
            await app.start()
            yield

    def _connect(self, subscription: Subscription[Tx], broker: JoiningBroker, relay: Relay[Tx]) -> None:
        processor = Processor(self.wiring.name, self.database, subscription.handle, self.metrics, relay.wake)
        progress = Progress(subscription.topic.name)
        self.health.consumers.append(progress)
        earlier = [consumer.caught_up for consumer in self._control if consumer.topic in subscription.after]
        precedence = Precedence(earlier)
        if earlier:
            self._precedences.append(precedence)
        if subscription.hot:
            self._hot.append(HotConsumer(self.kafka, subscription, processor, progress, precedence))
        else:
            self._control.append(
                ControlConsumer(broker, self.kafka, subscription, processor, progress, self._fail, precedence)
            )

    @asynccontextmanager
    async def _hot_task(self, consumer: HotConsumer[Tx]) -> AsyncIterator[None]:
        """On the way out the consumer finishes the batch in hand, within a bound."""
        task = self._watched(consumer.run(), "hot consumer")
        try:
            yield
        finally:
            consumer.stop()
            await asyncio.wait([task], timeout=STOP_SECONDS_MAX)
            await _ended(task)

    @asynccontextmanager
    async def _http_port(self) -> AsyncIterator[None]:
        routes = [*health_routes(self.health, self.metrics), *self.routes]
        server = http_server(routes, self.http.http_host, self.http.http_port, unavailable_on(Transient))
        task = self._watched(server._serve(), "HTTP port")  # noqa: SLF001 - serve() takes the process's signals
        try:
            yield
        finally:
            server.should_exit = True
            await asyncio.wait([task], timeout=STOP_SECONDS_MAX)
            await _ended(task)

    @asynccontextmanager
    async def _task(self, work: Coroutine[Any, Any, None], name: str) -> AsyncIterator[None]:
        task = self._watched(work, name)
        try:
            yield
        finally:
            await _ended(task)

    def _watched(self, work: Coroutine[Any, Any, None], name: str) -> "asyncio.Task[None]":
        task: asyncio.Task[None] = asyncio.create_task(work, name=f"{self.wiring.name} {name}")
        task.add_done_callback(self._on_end)
        return task

    def _on_end(self, task: "asyncio.Task[None]") -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            self._fail(error)

    def _fail(self, error: BaseException) -> None:
        if not self._failure.done():
            logger.error("%s stops: %s", self.wiring.name, error, exc_info=error)
            self._failure.set_exception(error)

    async def _watch(self) -> None:
        """Liveness is progress: end the process when a consumer fetches nothing, or holds nothing, for too long."""
        while True:
            await asyncio.sleep(WATCH_SECONDS)
            for consumer in self._control:
                consumer.note_progress()
            if stalled := self.health.stalled():
                raise StalledError("; ".join(stalled))


async def _ended(task: "asyncio.Task[None]") -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
