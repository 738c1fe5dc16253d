"""A name of a database is taken as it is, or refused before any server is asked."""

import pytest

from flyball.store.databases import create_database

NO_SERVER = "postgresql://nobody@127.0.0.1:1/none"


@pytest.mark.parametrize(
    "name", ["", 'replay"; DROP DATABASE flyball; --', "Replay", "9lives", "a/b", "é", "x" * 64, "x\n"]
)
async def test_a_name_that_would_be_another_one_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="lower-case letters, digits and _, at most 63"):
        await create_database(NO_SERVER, name)
