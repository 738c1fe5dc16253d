"""What ends a command: a cause, the next command, and one of the exit codes."""

from typing import Final

OK: Final = 0
ERROR: Final = 1
USAGE: Final = 2
GATE_CLOSED: Final = 3
UNREACHABLE: Final = 4


class CommandError(Exception):
    """Foreseen: told in two lines on stderr, without a traceback."""

    def __init__(self, cause: str, following: str, exit_code: int = ERROR, reason: str = "") -> None:
        super().__init__(cause)
        self.following = following
        self.exit_code = exit_code
        self.reason = reason
        """In one word for programs, where the service has one: ``judgment_first``."""
