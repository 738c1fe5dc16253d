"""Runs between fork and the server: `python -I -S launch.py PARENT_PID SIGNAL USER_ID GROUP_ID command...`.

A separate program, for Python code in a forked child of a process with threads (librdkafka has many) can deadlock.
It imports the standard library only and costs about 20 ms.
"""

import ctypes
import os
import sys

PR_SET_PDEATHSIG = 1
PR_SET_KEEPCAPS = 8
PR_SET_SECUREBITS = 28
SECBIT_NO_SETUID_FIXUP = 1 << 2
PR_CAP_AMBIENT = 47
PR_CAP_AMBIENT_RAISE = 2
CAP_DAC_OVERRIDE = 1
CAP_DAC_READ_SEARCH = 2
LINUX_CAPABILITY_VERSION_3 = 0x20080522
KEEP_IDENTITY = -1


def drop_root(libc: ctypes.CDLL, user_id: int, group_id: int) -> None:
    """Become the user, keeping only the right to pass through closed folders above one's own.

    Without it a clone beneath /root, or any temporary folder (mode 0700), is out of the user's reach. Containers seldom
    have that narrow right but do have its wider neighbour, so that one is the second choice.
    """
    libc.prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0)
    # Without it access(2), by which Postgres looks for its own programs, leaves the capability out of account.
    libc.prctl(PR_SET_SECUREBITS, SECBIT_NO_SETUID_FIXUP, 0, 0, 0)
    os.setgroups([])
    os.setgid(group_id)
    os.setuid(user_id)
    header = (ctypes.c_uint32 * 2)(LINUX_CAPABILITY_VERSION_3, 0)
    for capability in (CAP_DAC_READ_SEARCH, CAP_DAC_OVERRIDE):
        bit = 1 << capability
        if libc.capset(header, (ctypes.c_uint32 * 6)(bit, bit, bit, 0, 0, 0)) == 0:
            libc.prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, capability, 0, 0)
            return
    libc.capset(header, (ctypes.c_uint32 * 6)())


def main() -> None:
    """Drop root if asked, tie the life to the parent if asked, then become the command."""
    parent_pid, death_signal, user_id, group_id = (int(word) for word in sys.argv[1:5])
    if sys.platform == "linux":
        libc = ctypes.CDLL(None, use_errno=True)
        if user_id != KEEP_IDENTITY:
            drop_root(libc, user_id, group_id)
        if death_signal:
            # After the change of user, which clears it.
            libc.prctl(PR_SET_PDEATHSIG, death_signal, 0, 0, 0)
            if os.getppid() != parent_pid:
                sys.exit("the process that wanted this server has ended")
    os.execvp(sys.argv[5], sys.argv[5:])  # noqa: S606  this program exists to become another one


if __name__ == "__main__":
    main()
