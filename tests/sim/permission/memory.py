"""autonomy-controller's port on the simulated Postgres, statement by statement as ``PostgresMemory`` has them."""

from collections.abc import Awaitable, Callable, Collection, Hashable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypeVar

from autonomy_controller.domain.reviews import next_look
from autonomy_controller.domain.sampling import Salt
from autonomy_controller.domain.state import Action, ClassState, Review, Standing
from autonomy_controller.ports import ClassesBySystem, Promotion, SystemKey
from flyball.schemas.registry import SystemRegistered, SystemRevision
from flyball.sim.session import Session
from flyball.sim.transaction import MemoryTransaction

SALT = Salt("salt-1", b"k" * 32)
CLOCK = "clock"
WAITING = ("waiting", "approved")
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class MemoryAutonomy:
    transaction: MemoryTransaction

    async def salt(self) -> Salt:
        return SALT

    async def register(self, event: SystemRegistered, next_at: datetime | None) -> None:
        await self.transaction.put("systems", (event.tenant, event.system), (event.revisions, next_at))

    async def systems_due(self, now: datetime, rows_max: int) -> Sequence[SystemKey]:
        def is_due(row: Any) -> bool:
            return row[1] is not None and row[1] <= now

        return [key for key, _ in (await self._locked_where("systems", is_due))[:rows_max]]

    async def note_revision(self, key: SystemKey, next_at: datetime | None) -> None:
        await self.transaction.change("systems", key, lambda row: (row[0], next_at))

    async def revisions(self, key: SystemKey) -> Sequence[SystemRevision]:
        row = await self.transaction.get("systems", key)
        return row[0] if row else ()

    async def classes(self, systems: Collection[SystemKey], *, change: bool = False) -> ClassesBySystem:
        del change  # There is no lock for share here; the stronger one can only make more wait.
        found: dict[SystemKey, dict[str, ClassState]] = {key: {} for key in systems}
        for key, state in await self._locked_where("classes", lambda state: state.key[:2] in found):
            found[key[:2]][key[2]] = state
        return found

    async def save_classes(self, states: Sequence[ClassState]) -> None:
        await self._put("classes", {state.key: state for state in sorted(states, key=lambda state: state.key)})

    async def standings(self, systems: Collection[SystemKey], *, change: bool = False) -> Mapping[SystemKey, Standing]:
        del change
        rows = await self._locked("standings", sorted(systems))
        empty = {(tenant, system): Standing(tenant=tenant, system=system) for tenant, system in systems}
        return empty | rows

    async def save_standing(self, standing: Standing) -> None:
        await self.transaction.put("standings", (standing.tenant, standing.system), standing)

    async def actions(self, ids: Collection[str]) -> dict[str, Action]:
        return await self._locked("actions", sorted(ids))

    async def peek(self, action_id: str) -> Action | None:
        found: Action | None = await self.transaction.get("actions", action_id)
        return found

    async def action_of_review(self, review_id: str) -> Action | None:
        review: Review | None = await self.transaction.get("reviews", review_id)
        return None if review is None else (await self._locked("actions", [review.action_id])).get(review.action_id)

    async def add_actions(self, actions: Sequence[Action]) -> set[str]:
        async def effect(session: Session) -> set[str]:
            added: set[str] = set()
            for action in sorted(actions, key=lambda action: action.id):
                if session.read("actions", action.id) is None:
                    await session.lock("actions", action.id)
                if session.read("actions", action.id) is None:
                    session.write("actions", action.id, action)
                    added.add(action.id)
            return added

        return await self._statement(f"add {len(actions)} actions", effect)

    async def save_actions(self, actions: Sequence[Action]) -> None:
        async def effect(session: Session) -> None:
            for action in actions:
                await session.lock("actions", action.id)
                before: Action = session.read("actions", action.id)
                if before.has_ended:
                    raise SecondEndError(f"{action.id} has ended as {before.state}: it cannot become {action.state}")
                session.write("actions", action.id, action)

        if actions:
            await self._statement(f"save {len(actions)} actions", effect)

    async def open_actions(self, key: SystemKey, action_class: str | None) -> Sequence[Action]:
        def is_open(action: Action) -> bool:
            request = action.request
            mine = (request.tenant, request.system) == key and action_class in (None, request.action_class)
            return mine and action.state in WAITING and action.due_at is not None

        return [action for _, action in await self._locked_where("actions", is_open)]

    async def decisions(
        self, key: SystemKey, action_class: str, epoch: str, since: datetime
    ) -> Sequence[tuple[datetime, bool]]:
        raise NotImplementedError("nobody promotes in the simulation")

    async def outcomes(
        self, key: SystemKey, action_class: str, epoch: str, since: datetime
    ) -> Mapping[str, tuple[int, int]]:
        raise NotImplementedError("nobody promotes in the simulation")

    async def reviews(self, ids: Collection[str]) -> dict[str, Review]:
        return await self._locked("reviews", sorted(ids))

    async def save_reviews(self, reviews: Sequence[Review]) -> None:
        await self._put("reviews", {review.review_id: review for review in reviews})

    async def verdicts_since(self, reviewer: str, since: datetime) -> int:
        async def effect(session: Session) -> int:
            given = [one for review in session.table("reviews").values() for one in review.verdicts]
            return sum(one.reviewer == reviewer and one.at > since for one in given)

        return await self._statement("count verdicts", effect)

    async def promotion(self, promotion_id: str) -> Promotion | None:
        raise NotImplementedError("nobody promotes in the simulation")

    async def save_promotion(self, promotion: Promotion) -> None:
        raise NotImplementedError("nobody promotes in the simulation")

    async def tick(self, now: datetime) -> datetime:
        async def effect(session: Session) -> datetime:
            await session.lock(CLOCK, "at")
            at = max(now, session.read(CLOCK, "at") or now)
            session.write(CLOCK, "at", at)
            return at

        return await self._statement("tick", effect)

    async def beat(self, now: datetime, seconds_min: float) -> bool:
        async def effect(session: Session) -> bool:
            await session.lock(CLOCK, "beat")
            if (session.read(CLOCK, "beat") or now) > now:
                return False
            session.write(CLOCK, "beat", now + timedelta(seconds=seconds_min))
            return True

        return await self._statement("beat", effect)

    async def due(self, now: datetime, rows_max: int) -> tuple[Sequence[str], Sequence[tuple[str, str]]]:
        async def effect(session: Session) -> tuple[Sequence[str], Sequence[tuple[str, str]]]:
            late = [action for action in session.table("actions").values() if action.due_at and action.due_at <= now]
            looks = [(look, one) for one in session.table("reviews").values() if (look := next_look(one)) is not None]
            moved = sorted((look, one.action_id, one.review_id) for look, one in looks if look <= now)
            ids = [action.id for action in sorted(late, key=lambda action: (action.due_at, action.id))]
            return ids[:rows_max], [(action, review) for _, action, review in moved[:rows_max]]

        return await self._statement("what is due", effect)

    async def _locked(self, table: str, keys: Sequence[Any]) -> dict[Any, Any]:
        """Rows that there are, locked in this order; one that changed while it was waited for is read again."""

        async def effect(session: Session) -> dict[Any, Any]:
            for key in keys:
                if session.read(table, key) is not None:
                    await session.lock(table, key)
            return {key: row for key in keys if (row := session.read(table, key)) is not None}

        return await self._statement(f"lock {len(keys)} {table}", effect) if keys else {}

    async def _locked_where(self, table: str, holds: Callable[[Any], bool]) -> list[tuple[Any, Any]]:
        async def effect(session: Session) -> list[tuple[Any, Any]]:
            keys = sorted(key for key, row in session.table(table).items() if holds(row))
            for key in keys:
                await session.lock(table, key)
            found = [(key, session.read(table, key)) for key in keys]
            return [(key, row) for key, row in found if row is not None and holds(row)]

        return await self._statement(f"lock {table}", effect)

    async def _put(self, table: str, rows: Mapping[Hashable, Any]) -> None:
        async def effect(session: Session) -> None:
            for key, row in rows.items():
                await session.lock(table, key)
                session.write(table, key, row)

        if rows:
            await self._statement(f"put {len(rows)} {table}", effect)

    async def _statement(self, what: str, effect: Callable[[Session], Awaitable[Result]]) -> Result:
        return await self.transaction.statement(what, effect)


class SecondEndError(Exception):
    """As the trigger on the table has it: an end is final."""
