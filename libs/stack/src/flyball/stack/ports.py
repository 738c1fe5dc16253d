"""Loopback ports: check one that was asked for, choose one that was not."""

import errno
import random
import socket

from flyball.stack.errors import PortBusy, StackError

LOOPBACK = "127.0.0.1"

# Below Linux's ephemeral range (32768 and up): a port from inside that range can be taken by any outgoing
# connection while its server is dead, and then a test that restarts the server on its port fails at random.
FREE_PORTS = range(20_000, 32_000)
ATTEMPTS_MAX = 200

_handed_out: set[int] = set()
_random = random.SystemRandom()


def claim_port(port: int, purpose: str) -> int:
    """The port itself if it is free, or a free one for 0.

    Raises PortBusy where another process listens on it, StackError where no free port was found.
    """
    if port:
        _check(port, purpose)
        return port
    for candidate in _random.sample(FREE_PORTS, ATTEMPTS_MAX):
        if candidate not in _handed_out and _cause_against(candidate) is None:
            _handed_out.add(candidate)
            return candidate
    raise StackError(f"no free port for {purpose} between {FREE_PORTS[0]} and {FREE_PORTS[-1]}: see `ss -ltn`")


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
