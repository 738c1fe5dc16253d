"""One behaviour suite for the store: the simulation's database and Postgres keep the same promises."""

import asyncio
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from flyball.store.errors import Transient
from flyball.store.ports import Database, Move
from tests.contract.store import (
    IDLE_SECONDS,
    NOW,
    Play,
    advanced,
    message,
    moved,
    outbox,
    rolled_back,
    waiting,
)


def test_a_position_moves_only_from_where_it_stands(play: Play) -> None:
    async def case(database: Database[Any]) -> None:
        assert await database.positions("reader", "numbers.v1") == {}
        assert await advanced(database, 0, 5)
        assert not await advanced(database, 0, 5)
        assert not await advanced(database, 4, 9)
        assert await advanced(database, 5, 6)
        assert await advanced(database, 0, 3, partition=1)
        assert not await advanced(database, 7, 8, partition=2)
        assert await database.positions("reader", "numbers.v1") == {0: 6, 1: 3}
        assert await database.positions("other", "numbers.v1") == {}
        assert await database.positions("reader", "other.v1") == {}

    play(case)


def test_of_many_positions_those_move_that_stand_where_they_should(play: Play) -> None:
    async def case(database: Database[Any]) -> None:
        assert await advanced(database, 0, 5, partition=1)
        async with database.transaction() as transaction:
            moves = [Move(2, 0, 9), Move(1, 4, 9), Move(0, 0, 7)]
            assert await transaction.advance("reader", "numbers.v1", moves) == {0, 2}
        assert await database.positions("reader", "numbers.v1") == {0: 7, 1: 5, 2: 9}
        async with rolled_back(database) as transaction:
            await transaction.advance("reader", "numbers.v1", [Move(0, 7, 8), Move(1, 5, 6)])
        assert await database.positions("reader", "numbers.v1") == {0: 7, 1: 5, 2: 9}

    play(case)


def test_who_moves_many_positions_waits_for_each_and_finds_it_moved(play: Play) -> None:
    async def case(database: Database[Any]) -> None:
        for partition in (0, 1, 2):
            assert await advanced(database, 0, 5, partition)
        moves = [Move(partition, 5, 7) for partition in (2, 1, 0)]
        async with database.transaction() as transaction:
            assert await moved(transaction, 5, 9, partition=1)
            second = await waiting(database, lambda tx: tx.advance("reader", "numbers.v1", moves))
        assert await second == {0, 2}
        assert await database.positions("reader", "numbers.v1") == {0: 7, 1: 9, 2: 7}

    play(case)


def test_an_error_rolls_everything_back(play: Play) -> None:
    async def case(database: Database[Any]) -> None:
        identity = uuid4()
        async with rolled_back(database) as transaction:
            assert await moved(transaction, 0, 5)
            assert await transaction.unseen("reader", [identity], NOW) == {identity}
            await transaction.enqueue([message("never said")])
        assert await database.positions("reader", "numbers.v1") == {}
        assert await outbox(database) == []
        async with database.transaction() as transaction:
            assert await transaction.unseen("reader", [identity], NOW) == {identity}

    play(case)


def test_nothing_is_visible_before_the_commit(play: Play) -> None:
    async def case(database: Database[Any]) -> None:
        async with database.transaction() as transaction:
            await moved(transaction, 0, 5)
            await transaction.enqueue([message("one"), message("two")])
            assert await database.positions("reader", "numbers.v1") == {}
            assert await outbox(database) == []
        assert await database.positions("reader", "numbers.v1") == {0: 5}
        assert await outbox(database) == ["one", "two"]

    play(case)


@pytest.mark.parametrize("start", [0, 5])
def test_the_second_to_move_a_position_waits_and_finds_it_moved(play: Play, start: int) -> None:
    async def case(database: Database[Any]) -> None:
        assert start == 0 or await advanced(database, 0, start)
        async with database.transaction() as transaction:
            assert await moved(transaction, start, 9)
            second = await waiting(database, lambda tx: moved(tx, start, 7))
        assert await second is False
        assert await database.positions("reader", "numbers.v1") == {0: 9}

    play(case)


@pytest.mark.parametrize("start", [0, 5])
def test_the_second_to_move_a_position_may_do_so_when_the_first_rolls_back(play: Play, start: int) -> None:
    async def case(database: Database[Any]) -> None:
        assert start == 0 or await advanced(database, 0, start)
        async with rolled_back(database) as transaction:
            assert await moved(transaction, start, 9)
            second = await waiting(database, lambda tx: moved(tx, start, 7))
        assert await second is True
        assert await database.positions("reader", "numbers.v1") == {0: 7}

    play(case)


def test_who_is_somewhere_else_is_not_kept_waiting(play: Play) -> None:
    async def case(database: Database[Any]) -> None:
        await advanced(database, 0, 5)
        async with database.transaction() as transaction:
            assert await moved(transaction, 5, 9)
            assert not await asyncio.wait_for(advanced(database, 3, 4), IDLE_SECONDS / 2)
            assert await asyncio.wait_for(advanced(database, 0, 4, partition=1), IDLE_SECONDS / 2)

    play(case)


def test_an_id_is_seen_once_by_each_consumer(play: Play) -> None:
    async def case(database: Database[Any]) -> None:
        one, two = UUID(int=1), UUID(int=2)
        async with database.transaction() as transaction:
            assert await transaction.unseen("reader", [two, one, two], NOW) == {one, two}
            assert await transaction.unseen("reader", [one], NOW) == set()
        async with database.transaction() as transaction:
            assert await transaction.unseen("reader", [one, UUID(int=3)], NOW) == {UUID(int=3)}
            assert await transaction.unseen("other", [one], NOW) == {one}
            assert await transaction.unseen("reader", [], NOW) == set()

    play(case)


@pytest.mark.parametrize("commits", [True, False])
def test_who_sees_an_id_at_the_same_time_waits_for_the_other(play: Play, commits: bool) -> None:
    async def case(database: Database[Any]) -> None:
        identity = uuid4()
        async with database.transaction() if commits else rolled_back(database) as transaction:
            assert await transaction.unseen("reader", [identity], NOW) == {identity}
            second = await waiting(database, lambda tx: tx.unseen("reader", [identity], NOW))
        assert await second == (set() if commits else {identity})

    play(case)


def test_ids_are_forgotten_by_their_age_before_the_newest(play: Play) -> None:
    async def case(database: Database[Any]) -> None:
        await database.forget_seen(7)
        old, young, new = (UUID(int=number) for number in range(3))
        async with database.transaction() as transaction:
            for identity, days in ((old, 9), (young, 6), (new, 0)):
                await transaction.unseen("reader", [identity], NOW - timedelta(days=days))
        await database.forget_seen(7)
        async with database.transaction() as transaction:
            assert await transaction.unseen("reader", [old, young, new], NOW) == {old}

    play(case)


def test_two_that_wait_for_each_other_are_told_apart(play: Play) -> None:
    async def case(database: Database[Any]) -> None:
        async def crossing(first: int, second: int) -> bool:
            try:
                async with database.transaction() as transaction:
                    await moved(transaction, 0, 1, first)
                    both_hold.append(first)
                    while len(both_hold) < 2:
                        await asyncio.sleep(0.01)
                    return await moved(transaction, 0, 1, second)
            except Transient:
                return False

        both_hold: list[int] = []
        assert sorted(await asyncio.gather(crossing(0, 1), crossing(1, 0))) == [False, True]
        assert await database.positions("reader", "numbers.v1") == {0: 1, 1: 1}

    play(case)


def test_a_zombie_loses_its_transaction_and_its_locks(play: Play) -> None:
    async def case(database: Database[Any]) -> None:
        async def zombie() -> None:
            async with database.transaction() as transaction:
                assert await moved(transaction, 0, 9)
                await transaction.enqueue([message("too late")])
                # Beyond the time that a transaction may sit idle.
                await asyncio.sleep(IDLE_SECONDS + 1)
                assert await asyncio.wait_for(advanced(database, 0, 5), 1)
                await transaction.enqueue([message("much too late")])

        with pytest.raises(Transient):
            await zombie()
        assert await database.positions("reader", "numbers.v1") == {0: 5}
        assert await outbox(database) == []

    play(case)
