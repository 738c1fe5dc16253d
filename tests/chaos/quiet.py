"""One broker and services that nobody kills: the ground on which single faults are tried."""

import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass

from flyball.stack import LocalStack
from tests.chaos.broker import Publisher
from tests.chaos.drain import drained
from tests.chaos.events import Load
from tests.chaos.fleet import Fleet, environment
from tests.chaos.journal import Journal
from tests.chaos.storm import create_topics, running


@dataclass(slots=True)
class Ground:
    """A running stack with a load that grows with each wave."""

    journal: Journal
    stack: LocalStack
    settings: Mapping[str, str]
    load: Load

    @property
    def bootstrap(self) -> str:
        return self.stack.environment["FLYBALL_KAFKA"]

    @property
    def dsn(self) -> str:
        """Of the superuser, to look into every schema."""
        assert self.stack.postgres is not None
        return self.stack.postgres.admin_dsn

    async def publish(self, events: int) -> None:
        """Return when all are acknowledged."""
        publisher = Publisher(self.bootstrap)
        for _ in range(events):
            assert publisher.send(self.load.next(time.time())), "more events than the publisher's queue takes"
        await publisher.flush()

    async def drained(self) -> None:
        await drained(self.bootstrap, self.dsn, self.journal)

    @asynccontextmanager
    async def fleet(self, services: Mapping[str, int], **settings: str) -> AsyncIterator[Fleet]:
        """Replicas that are ready, ended gracefully. A setting differs from the stack's by name in lower case."""
        changed = {f"FLYBALL_{name.upper()}": value for name, value in settings.items()}
        directory = self.stack.directory / f"services-{len(list(self.stack.directory.iterdir()))}"
        fleet = Fleet.of(self.journal, {**self.settings, **changed}, directory, services)
        try:
            async with running(fleet.supervise()):
                await fleet.all_ready()
                yield fleet
        finally:
            await fleet.stop()


@asynccontextmanager
async def ground(seed: int) -> AsyncIterator[Ground]:
    """One Kafka node with the topics of the table, Postgres and Redis."""
    async with LocalStack("full", given={}) as stack:
        settings = environment(stack.environment)
        await create_topics(settings)
        yield Ground(Journal(), stack, settings, Load(seed))
