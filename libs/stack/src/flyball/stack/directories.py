"""Folders of a running stack: one owner each, and what an interrupted run left is swept up by the next."""

import fcntl
import os
import secrets
import shutil
from pathlib import Path
from typing import IO

from flyball.stack.errors import StackError

DEFAULT = Path(".stack")
RUN_PREFIX = "run-"


class OwnedDirectory:
    """A folder locked for this process; the kernel drops the lock when the process ends, however it ends."""

    def __init__(self, path: Path, lock: IO[str], *, temporary: bool) -> None:
        self.path = path
        self._lock = lock
        self._temporary = temporary

    def release(self) -> None:
        """Give up the lock, and remove a temporary folder with its data and logs."""
        if self._temporary:
            shutil.rmtree(self.path, ignore_errors=True)
        self._lock.close()


def kept_directory(path: Path) -> OwnedDirectory:
    """The folder itself, whose data stay. StackError if another process uses it."""
    path = path.absolute()
    path.mkdir(parents=True, exist_ok=True)
    lock = _try_lock(path)
    if lock is None:
        raise StackError(f"another stack uses {path}: end it (`make stack-down`), or give another directory")
    return OwnedDirectory(path, lock, temporary=False)


def run_directory(base: Path) -> OwnedDirectory:
    """A new folder beneath `base`, removed on release; folders of runs that were killed are removed first."""
    base = base.absolute()
    base.mkdir(parents=True, exist_ok=True)
    _sweep(base)
    path = base / f"{RUN_PREFIX}{os.getpid()}-{secrets.token_hex(3)}"
    path.mkdir()
    lock = _try_lock(path)
    if lock is None:
        raise StackError(f"{path} was taken at once by another process: try again")
    return OwnedDirectory(path, lock, temporary=True)


def _sweep(base: Path) -> None:
    for path in base.glob(f"{RUN_PREFIX}*"):
        # Without a lock file it is being made at this moment.
        lock = _try_lock(path) if (path / "lock").exists() else None
        if lock is not None:
            OwnedDirectory(path, lock, temporary=True).release()


def _try_lock(path: Path) -> IO[str] | None:
    try:
        lock = (path / "lock").open("a")
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return None
    return lock
