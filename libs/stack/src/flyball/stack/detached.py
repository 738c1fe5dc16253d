"""A full stack that outlives the command: who was started is written down, and only those are stopped."""

import asyncio
import json
import signal
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil  # type: ignore[import-untyped]

from flyball.stack.errors import StackError
from flyball.stack.local import LocalStack, StackPorts
from flyball.stack.process import ChildProcess, end_process_tree

# The same process id with another start time is another process; the clock may be set in between by a little.
START_TIME_TOLERANCE_SECONDS = 2.0
STOP_DEADLINE_SECONDS = 15.0


@dataclass(frozen=True, slots=True)
class Server:
    """A process that `up` started."""

    name: str
    pid: int
    started_seconds: float
    stop_signal: int

    @property
    def running(self) -> bool:
        """True while the very process that was started is alive."""
        try:
            process = psutil.Process(self.pid)
            age_difference = abs(process.create_time() - self.started_seconds)
            return bool(age_difference < START_TIME_TOLERANCE_SECONDS and process.status() != psutil.STATUS_ZOMBIE)
        except psutil.NoSuchProcess:
            return False


@dataclass(frozen=True, slots=True)
class State:
    """What `up` writes into `state.json`: the settings for services, and the processes."""

    environment: dict[str, str]
    servers: tuple[Server, ...]


def read_state(directory: Path) -> State | None:
    """What was started in this folder, None if nothing was. StackError for a file that cannot be read."""
    path = directory / "state.json"
    if not path.exists():
        return None
    try:
        stored = json.loads(path.read_text())
        return State(stored["environment"], tuple(Server(**server) for server in stored["servers"]))
    except (ValueError, KeyError, TypeError) as error:
        raise StackError(f"{path} cannot be read ({error!r}): end the servers by hand and remove it") from error


async def up(directory: Path, nodes: int, ports: StackPorts) -> State:
    """Start the full stack in the background. StackError if it runs already or a server fails (then none is left)."""
    before = read_state(directory)
    if before is not None and any(server.running for server in before.servers):
        raise StackError(f"a stack runs in {directory} already: `make stack-down` first, or give another --directory")
    stack = LocalStack("full", nodes=nodes, directory=directory, keep=True, ports=ports, detached=True)
    await stack.start()
    try:
        state = State(stack.environment, tuple(_server(process) for process in stack.processes))
        _write(directory / "state.json", state)
    except BaseException:
        await stack.stop()
        raise
    return state


async def down(directory: Path) -> list[str]:
    """Stop what `up` started in this folder, keeping the data; the names of those that were running."""
    state = read_state(directory)
    if state is None:
        return []
    running = [server for server in state.servers if server.running]
    await asyncio.gather(
        *(end_process_tree(each.pid, signal.Signals(each.stop_signal), STOP_DEADLINE_SECONDS) for each in running)
    )
    (directory / "state.json").unlink()
    return [server.name for server in running]


def _server(process: ChildProcess) -> Server:
    return Server(process.name, process.pid, psutil.Process(process.pid).create_time(), int(process.stop_signal))


def _write(path: Path, state: State) -> None:
    # It holds passwords: readable by its owner alone.
    path.unlink(missing_ok=True)
    path.touch(mode=0o600)
    path.write_text(json.dumps(asdict(state), indent=2))
