"""Row locks as Postgres holds them: until the transaction ends, first come first served, no circles."""

import asyncio
from collections import deque
from collections.abc import Hashable
from dataclasses import dataclass, field

from flyball.store.errors import Transient


@dataclass(slots=True)
class Lock:
    holder: object
    waiting: deque[tuple[object, "asyncio.Future[None]"]] = field(default_factory=deque)


class Locks:
    """Who holds what. An owner is a transaction."""

    def __init__(self) -> None:
        self._locks: dict[Hashable, Lock] = {}
        self._held: dict[object, list[Hashable]] = {}
        self._waits_for: dict[object, Hashable] = {}

    @property
    def held(self) -> int:
        """How many there are at the moment."""
        return len(self._locks)

    async def acquire(self, owner: object, what: Hashable) -> None:
        """Wait for a lock. Raises ``Transient`` where the wait would close a circle, or when ``owner`` is ended."""
        lock = self._locks.get(what)
        if lock is None:
            self._locks[what] = Lock(owner)
            self._held.setdefault(owner, []).append(what)
        elif lock.holder is not owner:
            if self._circular(owner, lock):
                raise Transient("deadlock detected")
            granted: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            lock.waiting.append((owner, granted))
            self._waits_for[owner] = what
            await granted

    def try_acquire(self, owner: object, what: Hashable) -> bool:
        """Take a lock if nobody else has it."""
        if what in self._locks:
            return self._locks[what].holder is owner
        self._locks[what] = Lock(owner)
        self._held.setdefault(owner, []).append(what)
        return True

    def release(self, owner: object) -> None:
        """``owner`` has ended: hand its locks on, and end its wait."""
        waited_for = self._waits_for.pop(owner, None)
        if waited_for is not None:
            self._forsake(owner, self._locks[waited_for])
        for what in self._held.pop(owner, ()):
            self._hand_on(what)

    def _hand_on(self, what: Hashable) -> None:
        lock = self._locks[what]
        if not lock.waiting:
            del self._locks[what]
            return
        lock.holder, granted = lock.waiting.popleft()
        self._held.setdefault(lock.holder, []).append(what)
        self._waits_for.pop(lock.holder, None)
        granted.set_result(None)

    def _forsake(self, owner: object, lock: Lock) -> None:
        for entry in list(lock.waiting):
            if entry[0] is owner:
                lock.waiting.remove(entry)
                entry[1].set_exception(Transient("the transaction was ended while it waited for a lock"))

    def _circular(self, owner: object, lock: Lock) -> bool:
        while True:
            if lock.holder is owner:
                return True
            waits_for = self._waits_for.get(lock.holder)
            if waits_for is None:
                return False
            lock = self._locks[waits_for]
