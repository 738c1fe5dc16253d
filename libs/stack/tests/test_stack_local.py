"""The servers together: what is given is used, and nothing is left behind, however the holder ends."""

import asyncio
import json
import os
import signal
import sys
from pathlib import Path

import psutil
import pytest

from flyball.stack import LocalStack, StackError, StackPorts
from flyball.stack.detached import Server

pytestmark = pytest.mark.stack

HOLDER = """
import asyncio, json, os, sys
from pathlib import Path
from flyball.stack import LocalStack

async def main():
    async with LocalStack(sys.argv[2], nodes=int(sys.argv[3]), directory=Path(sys.argv[1]), given={}) as stack:
        print(json.dumps([process.pid for process in stack.processes]), flush=True)
        await asyncio.Event().wait()

asyncio.run(main())
"""


async def pids_held(directory: Path, flavour: str = "embedded", nodes: int = 1):
    """A python process that holds a stack, and every process beneath it."""
    holder = await asyncio.create_subprocess_exec(
        sys.executable, "-c", HOLDER, str(directory), flavour, str(nodes), stdout=asyncio.subprocess.PIPE
    )
    assert holder.stdout is not None
    servers = [psutil.Process(pid) for pid in json.loads(await asyncio.wait_for(holder.stdout.readline(), 120))]
    return holder, [process for server in servers for process in (server, *server.children(recursive=True))]


async def all_end(processes: list[psutil.Process], deadline_seconds: float = 10) -> bool:
    async with asyncio.timeout(deadline_seconds):
        while any(each.is_running() and each.status() != psutil.STATUS_ZOMBIE for each in processes):
            await asyncio.sleep(0.05)
    return True


def run_folders(base: Path) -> list[Path]:
    return list(base.glob("run-*"))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL], ids=lambda each: each.name)
async def test_nothing_is_left_running_when_the_holder_is_interrupted(number: signal.Signals, tmp_path: Path) -> None:
    holder, processes = await pids_held(tmp_path)
    assert len(processes) > 4, "Redis, the postmaster and its children"
    holder.send_signal(number)
    await holder.wait()
    assert await all_end(processes)


async def test_no_kafka_is_left_running_after_sigterm(tmp_path: Path) -> None:
    holder, processes = await pids_held(tmp_path, "full", 3)
    assert sum(process.name() == "java" for process in processes) == 3
    holder.terminate()
    await holder.wait()
    assert await all_end(processes)


async def test_the_folder_of_a_killed_run_is_swept_by_the_next(tmp_path: Path) -> None:
    holder, processes = await pids_held(tmp_path)
    holder.kill()
    await holder.wait()
    assert await all_end(processes)
    assert len(run_folders(tmp_path)) == 1
    async with LocalStack(directory=tmp_path, given={}) as stack:
        assert run_folders(tmp_path) == [stack.directory]
    assert run_folders(tmp_path) == []


async def test_an_exception_in_the_body_ends_the_servers(tmp_path: Path) -> None:
    stack = LocalStack(directory=tmp_path, given={})
    with pytest.raises(ZeroDivisionError):
        async with stack:
            raise ZeroDivisionError
    assert stack.processes
    assert not any(process.running for process in stack.processes)
    assert run_folders(tmp_path) == []


async def test_what_the_environment_names_is_used_and_not_started(tmp_path: Path) -> None:
    given = {"FLYBALL_KAFKA": "broker:9092", "FLYBALL_POSTGRES": "postgresql://elsewhere/flyball"}
    async with LocalStack(directory=tmp_path, given=given) as stack:
        assert stack.environment["FLYBALL_KAFKA"] == "broker:9092"
        assert stack.environment["FLYBALL_POSTGRES"] == "postgresql://elsewhere/flyball"
        assert stack.environment["FLYBALL_REDIS"].startswith("redis://")
        assert [process.name for process in stack.processes] == ["Redis"]


async def test_a_failure_of_one_server_ends_those_that_had_started(tmp_path: Path) -> None:
    stack = LocalStack(directory=tmp_path, given={}, ports=StackPorts(postgres=70_000))
    with pytest.raises(StackError, match="70000"):
        await stack.start()
    assert stack.redis is not None
    assert not stack.redis.process.running


def test_an_embedded_stack_cannot_be_kept() -> None:
    with pytest.raises(StackError, match="full flavour"):
        LocalStack("embedded", keep=True)


async def test_two_stacks_do_not_share_a_kept_folder(tmp_path: Path) -> None:
    given = {"FLYBALL_KAFKA": "x:1", "FLYBALL_POSTGRES": "postgresql://x/y", "FLYBALL_REDIS": "redis://x"}
    async with LocalStack("full", directory=tmp_path, keep=True, given=given):
        with pytest.raises(StackError, match="another stack uses"):
            await LocalStack("full", directory=tmp_path, keep=True, given=given).start()


def test_a_process_id_that_was_used_again_is_not_ours() -> None:
    mine = psutil.Process(os.getpid())
    started = mine.create_time()
    assert Server("me", mine.pid, started, signal.SIGTERM).running
    assert not Server("another with my number", mine.pid, started - 60, signal.SIGTERM).running
