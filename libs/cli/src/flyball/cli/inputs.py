"""Files that commands read; ``-`` is stdin."""

import sys
from pathlib import Path
from typing import BinaryIO, Final

from flyball.cli.errors import USAGE, CommandError

STDIN: Final = Path("-")


def opened(file: Path) -> BinaryIO:
    """The file, to be closed by whoever asked. Raises ``CommandError`` with exit code 2 where it cannot be read."""
    if file == STDIN:
        return sys.stdin.buffer
    try:
        return file.open("rb")
    except OSError as error:
        raise CommandError(f"cannot read {file}: {error.strerror}", f"ls -l {file}", USAGE) from error


def name_of(file: Path) -> str:
    return "stdin" if file == STDIN else str(file)
