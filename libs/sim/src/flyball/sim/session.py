"""A connection with a transaction on it, as the server sees it: it ends with its client, or when that sits idle."""

from collections.abc import Callable, Hashable
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from flyball.sim.process import Life, current_life
from flyball.store.errors import Transient

if TYPE_CHECKING:
    from flyball.sim.database import MemoryDatabase

DELETED = object()
BROKEN = "client closed the connection"


class AbortedError(Exception):
    """An earlier statement of this transaction failed; Postgres takes no more after that."""


class Session:
    """What one transaction has written, and whether it still can. Reads see what is committed, and its own writes."""

    def __init__(self, database: "MemoryDatabase") -> None:
        self.database = database
        self._writes: dict[tuple[str, Hashable], Any] = {}
        self._number = 0
        self._life: Life | None = None
        self._ended: str | None = None
        self._broken = False
        self._aborted = False
        self._busy = False
        self._idle_since = 0.0

    async def run(self, what: str, effect: Callable[[], Any]) -> Any:
        """One statement: a round trip. After an error nothing but a rollback is possible."""
        if self._broken:
            raise Transient("the connection is broken")
        if self._number == 0:
            self._begin()

        async def statement() -> Any:
            self._check()
            self._busy = True
            try:
                return await effect()
            except Transient as error:
                self.end(str(error))
                raise
            except Exception:
                self._aborted = True
                raise
            finally:
                self._rest()

        try:
            return await self.database.call(f"{self._number} {what}", statement)
        except Transient:
            self._broken = True
            raise

    async def commit(self) -> None:
        """Everything becomes visible, or nothing. ``Transient``: nobody knows which of the two."""
        if self._number == 0:
            return

        async def effect() -> None:
            self.database.apply(self._writes, DELETED)
            self.end("committed")

        await self.run("commit", effect)

    async def roll_back(self) -> None:
        """Leave without a commit. If the server cannot be told, it finds out by itself."""
        if self._number == 0 or self._ended is not None:
            return
        if self._broken:
            world = self.database.world
            world.outside(world.random.uniform(0, world.faults.delay_seconds_max), self.end, BROKEN)
            return
        with suppress(Transient):
            await self.database.call(f"{self._number} roll back", lambda: self.end("rolled back"))

    def end(self, why: str) -> None:
        """On the server's side: no more of this transaction."""
        if self._ended is None:
            self._ended = why
            self.database.world.note(self.database.name, f"{self._number} {why}")
            self.database.closed(self)
            if self._life is not None:
                self._life.on_death.pop(self, None)

    def read(self, table: str, key: Hashable) -> Any:
        """None where there is no such row."""
        own = self._writes.get((table, key))
        if own is not None:
            return None if own is DELETED else own
        return self.database.rows(table).get(key)

    def write(self, table: str, key: Hashable, value: Any) -> None:
        self._writes[table, key] = value

    def table(self, table: str) -> dict[Any, Any]:
        """A table as this transaction sees it."""
        rows = dict(self.database.rows(table))
        for (name, key), value in self._writes.items():
            if name == table:
                rows[key] = value
        return {key: value for key, value in rows.items() if value is not DELETED}

    async def lock(self, table: str, key: Hashable) -> None:
        """Hold a row, or the place where one would be, until the end."""
        await self.database.locks.acquire(self, (table, key))
        # The session may have ended between the grant and this step; who is gone must not take another lock.
        self._check()

    def _begin(self) -> None:
        self._number = self.database.opened(self)
        self._life = current_life()
        if self._life is not None:
            self._life.on_death[self] = lambda: self.end("client is gone")
        self._rest()
        self._watch()

    def _check(self) -> None:
        if self._ended is not None:
            raise Transient(f"the transaction is over: {self._ended}")
        if self._aborted:
            raise AbortedError("current transaction is aborted, commands ignored until end of transaction block")

    def _rest(self) -> None:
        self._busy = False
        self._idle_since = self.database.world.loop.time()

    def _watch(self) -> None:
        if self._ended is not None:
            return
        world, allowed = self.database.world, self.database.idle_seconds_max
        rested_since = world.loop.time() if self._busy else self._idle_since
        if rested_since + allowed <= world.loop.time():
            self.end("idle in transaction for too long")
        else:
            world.outside_at(rested_since + allowed, self._watch)
