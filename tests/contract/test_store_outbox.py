"""The outbox, on the simulation's database and on Postgres: in order, by one relay at a time, none lost."""

import asyncio
from typing import Any

from flyball.store.ports import Database
from tests.contract.store import (
    WAITING_SECONDS,
    Play,
    message,
    outbox,
    rolled_back,
)


def test_one_relay_at_a_time_holds_the_outbox(play: Play) -> None:
    async def case(database: Database[Any]) -> None:
        async with database.transaction() as transaction:
            await transaction.enqueue([message(text) for text in "abc"])
        async with database.transaction() as first:
            rows = await first.claim_outbox(2)
            assert rows is not None
            assert [row.message for row in rows] == [message("a"), message("b")]
            async with database.transaction() as second:
                assert await second.claim_outbox(2) is None
            await first.forget_outbox(rows)
        assert await outbox(database) == ["c"]

    play(case)


def test_rows_stay_when_the_relay_does_not_come_to_its_commit(play: Play) -> None:
    async def case(database: Database[Any]) -> None:
        async with database.transaction() as transaction:
            await transaction.enqueue([message("a")])
        async with rolled_back(database) as transaction:
            rows = await transaction.claim_outbox(10)
            assert rows
            await transaction.forget_outbox(rows)
        assert await outbox(database) == ["a"]

    play(case)


def test_ids_are_given_out_before_the_commit_so_that_an_earlier_one_may_appear_later(play: Play) -> None:
    async def case(database: Database[Any]) -> None:
        async with database.transaction() as slow:
            await slow.enqueue([message("first id")])
            async with database.transaction() as quick:
                await quick.enqueue([message("second id")])
            assert await outbox(database) == ["second id"]
        assert await outbox(database) == ["first id", "second id"]

    play(case)


def test_the_outbox_tells_its_age(play: Play) -> None:
    async def case(database: Database[Any]) -> None:
        assert await database.outbox_age_seconds() == 0
        async with database.transaction() as transaction:
            await transaction.enqueue([message("a")])
        await asyncio.sleep(WAITING_SECONDS)
        assert WAITING_SECONDS <= await database.outbox_age_seconds() < 60

    play(case)
