"""Rollouts by the real command, through console, on real servers: gate, start, steer, go back."""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from flyball.stack import ServiceProcess
from flyball.stack.services import url_variable
from tests.wire import rollouts
from tests.wire.outside import until
from tests.wire.rollouts import BASELINE, CANDIDATE, SERVICE_TOKEN, green_budget

pytestmark = [pytest.mark.stack, pytest.mark.timeout(180)]
FLYBALL = Path(sys.executable).with_name("flyball")
TOKEN = "token-of-ada"
GATE_CLOSED = 3


@dataclass(frozen=True, slots=True)
class Done:
    code: int
    out: str
    err: str

    @property
    def data(self) -> Any:
        assert self.code == 0, self.err
        return json.loads(self.out)


@dataclass(frozen=True, slots=True)
class Command:
    url: str

    async def __call__(self, *arguments: str) -> Done:
        environment = {**os.environ, "FLYBALL_URL": self.url, "FLYBALL_TOKEN": TOKEN}
        process = await asyncio.create_subprocess_exec(
            FLYBALL,
            *arguments,
            "-o",
            "json",
            env=environment,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        out, err = await process.communicate()
        return Done(process.returncode or 0, out.decode(), err.decode())


@pytest.fixture
async def flyball(environment: Mapping[str, str], tmp_path: Path) -> AsyncIterator[Command]:
    """The command, with a console and a rollback-executor behind it."""
    async with rollouts.executor(environment, tmp_path) as executor:
        tokens = f"ada:admin:{sha256(TOKEN.encode()).hexdigest()}"
        there = {url_variable("rollback-executor"): executor.process.url, "FLYBALL_API_TOKENS": tokens}
        console = ServiceProcess("console", {**environment, **there, "FLYBALL_SERVICE_TOKEN": SERVICE_TOKEN}, tmp_path)
        await console.start()
        try:
            yield Command(console.url)
            assert console.running, console.process.log_tail()
        finally:
            await console.stop()


async def test_a_release_is_started_steered_and_taken_back(
    flyball: Command, environment: Mapping[str, str], system: str
) -> None:
    gate = ("gate", "deploy", "--system", system, "--release", CANDIDATE)
    start = ("rollouts", "start", system, "--from", BASELINE, "--to", CANDIDATE)
    closed = await flyball(*gate)
    assert (closed.code, json.loads(closed.out)["open"]) == (GATE_CLOSED, False)
    assert "no budget state is known" in closed.err
    assert (await flyball(*start)).code == GATE_CLOSED
    await green_budget(environment, system)
    assert (await until(lambda: flyball(*gate), lambda said: said.code == 0)).data["open"]
    started = (await flyball(*start, "--policy", '{"dwell_seconds_min": 600}')).data
    rollout_id = started["rollout_id"]
    assert (started["step"], started["requested_by"]) == ("canary", "user:ada")
    listed = (await flyball("rollouts", "list", system)).data
    assert [item["rollout_id"] for item in listed] == [rollout_id]
    paused = (await flyball("rollouts", "pause", rollout_id, "--reason", "lunch")).data
    assert paused["step"] == "paused"
    assert (await flyball("rollouts", "resume", rollout_id, "--reason", "back")).data["step"] == "canary"
    would = await flyball("rollback", system, "--reason", "worse", "--dry-run")
    assert (would.data["step"], "nothing was changed" in would.err) == ("rolling_back", True)
    unknown = await flyball("rollback", system, "--reason", "worse", "--to", "0.1.0")
    assert (unknown.code, "0.1.0 is none of the last releases" in unknown.err) == (1, True)
    assert (await flyball("rollback", system, "--reason", "worse")).data["step"] == "rolling_back"
    shown = (await flyball("rollouts", "show", rollout_id)).data
    assert shown["policy"]["dwell_seconds_min"] == 600
    assert {change["actor"] for change in shown["changes"]} <= {"user:ada", "service:rollback-executor"}
    assert [change["reason"] for change in shown["changes"] if change["step"] == "rolling_back"] == ["worse"]
