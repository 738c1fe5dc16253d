"""What goes wrong, when and for how long: drawn from the seed, then done."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from random import Random
from typing import Protocol

from flyball.stack import KafkaCluster, LocalStack
from tests.chaos.fleet import Fleet, Replica
from tests.chaos.journal import Journal

# Longer than the session time-out of 6 s and than the 5 s that Postgres lets a transaction idle.
PAUSE_SECONDS = (8.0, 12.0)
DOWN_SECONDS = (1.0, 4.0)
VICTIM_SECONDS_MAX = 60.0
# Most kills are to hit a replica at work; the others hit whatever there is, so also one that just starts.
AT_WORK = 0.75


class Server(Protocol):
    async def kill(self) -> None: ...
    async def restart(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Fault:
    """``after_seconds`` after the one before it."""

    kind: str
    after_seconds: float


def plan(random: Random, kills: int, gap_seconds: tuple[float, float], zombies: int = 1) -> list[Fault]:
    """At least ``kills`` kill -9 of services, and one each of broker, Postgres and Redis, in random order."""
    kinds = ["kill"] * kills + ["zombie"] * zombies + ["broker", "postgres", "redis"]
    random.shuffle(kinds)
    return [Fault(kind, random.uniform(*gap_seconds)) for kind in kinds]


@dataclass(slots=True)
class Saboteur:
    """Does the faults of a plan. Those that last go on while the next ones happen."""

    journal: Journal
    stack: LocalStack
    fleet: Fleet
    random: Random
    done: list[str] = field(default_factory=list)

    async def run(self, faults: list[Fault]) -> None:
        """Returns when the last one is over."""
        actions: dict[str, Callable[[], Awaitable[None]]] = {
            "zombie": self._zombie,
            "broker": self._broker,
            "postgres": self._postgres,
            "redis": self._redis,
        }
        async with asyncio.TaskGroup() as group:
            for fault in faults:
                await asyncio.sleep(fault.after_seconds)
                if fault.kind == "kill":
                    await self._kill()
                else:
                    group.create_task(_run(actions[fault.kind]))
                self.done.append(fault.kind)

    async def _kill(self) -> None:
        victim = await self._victim(ready=self.random.random() < AT_WORK)
        state = "" if victim.ready else " while it starts"
        self.journal.say(f"kill -9 {victim.name}{state}")
        await self.fleet.kill(victim)

    async def _zombie(self) -> None:
        victim = await self._victim(ready=True)
        seconds = self.random.uniform(*PAUSE_SECONDS)
        self.journal.say(f"SIGSTOP {victim.name} for {seconds:.1f} s")
        victim.paused = True
        victim.process.pause()
        await asyncio.sleep(seconds)
        victim.process.resume()
        victim.paused = False
        self.journal.say(f"SIGCONT {victim.name}: a zombie wakes")

    async def _broker(self) -> None:
        assert isinstance(self.stack.kafka, KafkaCluster)
        node = self.random.choice(self.stack.kafka.nodes)
        await self._outage(f"Kafka node {node.node_id}", node)

    async def _postgres(self) -> None:
        assert self.stack.postgres is not None
        await self._outage("Postgres", self.stack.postgres)

    async def _redis(self) -> None:
        assert self.stack.redis is not None
        await self._outage("Redis", self.stack.redis)

    async def _outage(self, name: str, server: Server) -> None:
        seconds = self.random.uniform(*DOWN_SECONDS)
        self.journal.say(f"kill -9 {name}, down for {seconds:.1f} s")
        await server.kill()
        await asyncio.sleep(seconds)
        await server.restart()
        self.journal.say(f"{name} answers again")

    async def _victim(self, *, ready: bool = False) -> Replica:
        async with asyncio.timeout(VICTIM_SECONDS_MAX):
            while True:
                victims = self.fleet.victims(ready=ready)
                if victims:
                    return self.random.choice(victims)
                await asyncio.sleep(0.1)


async def _run(action: Callable[[], Awaitable[None]]) -> None:
    await action()
