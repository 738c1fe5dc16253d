"""Loopback ports: check one that was asked for, choose one that was not."""

import errno
import fcntl
import os
import random
import socket
import tempfile
from functools import cache
from pathlib import Path

from flyball.stack.errors import PortBusy, StackError

LOOPBACK = "127.0.0.1"

# Below Linux's ephemeral range (32768 and up): a port from inside that range can be taken by any outgoing
# connection while its server is dead, and then a test that restarts the server on its port fails at random.
FREE_PORTS = range(20_000, 32_000)
ATTEMPTS_MAX = 200

_reserved: set[int] = set()
_random = random.SystemRandom()


def claim_port(port: int, purpose: str) -> int:
    """The port itself if it is free, or a free one for 0.

    Raises PortBusy where another process listens on it, StackError where no free port was found.
    """
    if port:
        _check(port, purpose)
        return port
    for candidate in _random.sample(FREE_PORTS, ATTEMPTS_MAX):
        if _reserve(candidate) and _cause_against(candidate) is None:
            return candidate
    raise StackError(f"no free port for {purpose} between {FREE_PORTS[0]} and {FREE_PORTS[-1]}: see `ss -ltn`")


def _reserve(port: int) -> bool:
    """Whether no stack of this user's has the port: this process keeps it until it ends.

    A server listens seconds after its port was chosen, and its port is free again between a kill and a restart:
    two test runs side by side gave one port to two servers. Each port is a byte of one file, locked; the kernel
    lets go of the locks of a process that died.
    """
    if port in _reserved:
        return False
    try:
        fcntl.lockf(_reservations(), fcntl.LOCK_EX | fcntl.LOCK_NB, 1, port)
    except BlockingIOError:
        return False
    _reserved.add(port)
    return True


@cache
def _reservations() -> int:
    """The file's descriptor, open for as long as the process lives: closing it would let go of every lock."""
    path = Path(tempfile.gettempdir()) / f"flyball-ports-{os.getuid()}.lock"
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)


def _check(port: int, purpose: str) -> None:
    cause = _cause_against(port)
    if cause is not None:
        raise PortBusy(port, purpose, cause)


def _cause_against(port: int) -> str | None:
    with socket.socket() as probe:
        # As the servers do: only a listener makes a port busy, not the TIME_WAIT of a killed predecessor.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OverflowError:
            return "a port is a number from 0 to 65535"
        except OSError as error:
            return "another process listens on it" if error.errno == errno.EADDRINUSE else str(error)
    return None
