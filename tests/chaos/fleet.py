"""Replicas of the services, and a supervisor that starts again whatever ends, as any platform would."""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from flyball.stack import ServiceProcess
from flyball.stack.services import answers_ready
from tests.chaos.journal import Journal

TOKEN = "chaos-" + "t" * 26
SERVICES = {"telemetry-ingest": 2, "budget-ledger": 2}
"""How many replicas of each."""
POLL_SECONDS = 0.1
RESTART_SECONDS = 0.5
# In a row, each of about 1.5 s: a server that is down for seconds explains a few of them, never so many.
FAILED_STARTS_MAX = 20
ANSWER_SECONDS = 30.0


def environment(stack: Mapping[str, str]) -> dict[str, str]:
    """Settings of the services under test: short time-outs, so that a pause of seconds makes a zombie."""
    return {
        **stack,
        "FLYBALL_SERVICE_TOKEN": TOKEN,
        "FLYBALL_KAFKA_SESSION_TIMEOUT_MS": "6000",
        "FLYBALL_POSTGRES_IDLE_TRANSACTION_SECONDS_MAX": "5",
    }


@dataclass(slots=True, eq=False)
class Replica:
    """One process of one service, over all its lives."""

    process: ServiceProcess
    ready: bool = False
    killed: bool = False
    paused: bool = False
    started: bool = False
    failed_starts: int = 0
    down_since: float | None = None

    @property
    def name(self) -> str:
        return f"{self.process.name}-{self.process.replica}"

    @property
    def log_path(self) -> Path:
        return self.process.process.log_path

    async def ask(self, path: str, **parameters: str) -> Any:
        """The JSON that its HTTP port answers."""
        async with httpx.AsyncClient(timeout=ANSWER_SECONDS) as client:
            answer = await client.get(
                f"{self.process.url}{path}", params=parameters, headers={"authorization": f"Bearer {TOKEN}"}
            )
        answer.raise_for_status()
        return answer.json()

    async def metric(self, name: str) -> float:
        """The sum of a counter of its running process over all labels."""
        async with httpx.AsyncClient(timeout=ANSWER_SECONDS) as client:
            lines = (await client.get(f"{self.process.url}/metrics")).text.splitlines()
        return sum(float(line.rsplit(" ", 1)[1]) for line in lines if line.startswith(name))


@dataclass(slots=True)
class Fleet:
    """Starts the replicas, starts them again when they end, and remembers how long that took and why they ended."""

    journal: Journal
    replicas: list[Replica]
    recoveries: list[float] = field(default_factory=list)
    ended_by_themselves: list[str] = field(default_factory=list)
    kills: int = 0

    @classmethod
    def of(
        cls,
        journal: Journal,
        settings: Mapping[str, str],
        directory: Path,
        services: Mapping[str, int] = SERVICES,
    ) -> "Fleet":
        made = [
            Replica(ServiceProcess(name, settings, directory, replica=number))
            for name, replicas in services.items()
            for number in range(1, replicas + 1)
        ]
        return cls(journal, made)

    def of_service(self, service: str) -> list[Replica]:
        return [replica for replica in self.replicas if replica.process.name == service]

    @property
    def deaths(self) -> int:
        """How many processes have ended, however they did."""
        return len(self.recoveries) + len([replica for replica in self.replicas if replica.down_since is not None])

    async def supervise(self) -> None:
        """Runs until cancelled."""
        async with asyncio.TaskGroup() as group:
            for replica in self.replicas:
                group.create_task(self._keep_alive(replica))

    async def all_ready(self, seconds_max: float = 90.0) -> None:
        """AssertionError, naming those that are not, at the deadline."""
        clock = asyncio.get_running_loop().time
        deadline = clock() + seconds_max
        while waiting := [replica.name for replica in self.replicas if not replica.ready]:
            assert clock() < deadline, f"not ready after {seconds_max:.0f} s: {', '.join(waiting)}"
            await asyncio.sleep(POLL_SECONDS)

    async def kill(self, replica: Replica) -> None:
        """SIGKILL."""
        replica.killed, replica.ready = True, False
        self.kills += 1
        await replica.process.kill()

    def victims(self, *, ready: bool) -> list[Replica]:
        """Replicas that run and are not paused; ``ready``: only those at work."""
        untouched = [replica for replica in self.replicas if not replica.paused and not replica.killed]
        running = [replica for replica in untouched if replica.process.running]
        return [replica for replica in running if replica.ready or not ready]

    async def stop(self) -> None:
        """End them gracefully."""
        await asyncio.gather(*(replica.process.stop() for replica in self.replicas))

    async def _keep_alive(self, replica: Replica) -> None:
        clock = asyncio.get_running_loop()
        while True:
            if not replica.process.running:
                if replica.started:
                    self._note_end(replica, clock.time())
                    await asyncio.sleep(RESTART_SECONDS)
                replica.started = True
                replica.process.spawn()
            elif not replica.ready and not replica.paused and await answers_ready(replica.process.url):
                replica.ready = True
                self._note_ready(replica, clock.time())
            await asyncio.sleep(POLL_SECONDS)

    def _note_end(self, replica: Replica, now: float) -> None:
        replica.down_since = now
        if not replica.killed:
            cause = last_error(replica.log_path)
            self.ended_by_themselves.append(f"{replica.name}: {cause}")
            self.journal.say(f"{replica.name} ended by itself: {cause}")
            replica.failed_starts += 1
            assert replica.failed_starts < FAILED_STARTS_MAX, f"{replica.name} is in a crash loop: {cause}"
        replica.ready, replica.killed = False, False

    def _note_ready(self, replica: Replica, now: float) -> None:
        if replica.down_since is not None:
            seconds = now - replica.down_since
            self.recoveries.append(seconds)
            self.journal.say(f"{replica.name} is ready again after {seconds:.1f} s")
        replica.down_since, replica.failed_starts = None, 0


def log_lines(path: Path) -> list[dict[str, Any]]:
    """The JSON lines of a service's log; anything else it wrote counts as a line of level OTHER."""
    lines = []
    for line in path.read_text(errors="replace").splitlines() if path.exists() else ():
        try:
            lines.append(json.loads(line))
        except ValueError:
            lines.append({"level": "OTHER", "message": line})
    return lines


def last_error(path: Path) -> str:
    """The newest error in the log, in one line."""
    for line in reversed(log_lines(path)):
        if line["level"] in {"ERROR", "CRITICAL"} or (line["level"] == "OTHER" and "Error" in line["message"]):
            return str(line["message"])[:300]
    return "nothing in its log says why"
