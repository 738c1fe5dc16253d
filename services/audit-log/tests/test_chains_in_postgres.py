"""Chains in Postgres: what is appended is what is read, in one line, and cannot be changed."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from functools import partial
from importlib.resources import files
from pathlib import Path
from uuid import uuid4

import asyncpg
import pytest

from audit_log.adapters.files import CheckpointFile
from audit_log.adapters.postgres import PostgresChains, all_links, read_heads, read_newest
from audit_log.adapters.signing import load_signer
from audit_log.checkpointer import Checkpointer
from audit_log.domain.chain import Link, append
from audit_log.domain.verify import verify
from flyball.store.postgres import PostgresDatabase, open_postgres
from flyball.store.settings import StoreSettings

pytestmark = pytest.mark.stack
NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
TENANTS = ("acme", "default")


@pytest.fixture
async def database(postgres_dsn: str) -> AsyncIterator[PostgresDatabase]:
    settings = StoreSettings.from_environment({"FLYBALL_POSTGRES": postgres_dsn})
    migrations = [files("audit_log").joinpath("migrations")]
    async with open_postgres(settings, f"audit_{uuid4().hex[:8]}", migrations) as opened:
        yield opened


async def append_records(database: PostgresDatabase, count: int) -> None:
    async with database.transaction() as transaction:
        chains = PostgresChains(transaction)
        heads = dict(await chains.lock_heads(TENANTS))
        links: list[Link] = []
        for _ in range(count):
            for tenant in TENANTS:
                link = append(heads[tenant], {"id": str(uuid4()), "decision": "red"}, NOW)
                heads[tenant] = link.head
                links.append(link)
        await chains.append(links)


async def test_each_tenant_has_one_chain_over_many_transactions(database: PostgresDatabase) -> None:
    for _ in range(3):
        await append_records(database, 7)
    for tenant in TENANTS:
        links = [link async for link in all_links(database, tenant)]
        assert verify(tenant, links, (), lambda _: True).findings == ()
        assert [link.sequence for link in links] == list(range(1, 22))
        newest = await read_newest(database, tenant, before=None, links_max=5)
        assert newest == links[:-6:-1]
        assert await read_newest(database, tenant, before=3, links_max=5) == links[1::-1]


@pytest.mark.parametrize("change", ["UPDATE links SET text = ''", "DELETE FROM links", "TRUNCATE links"])
async def test_links_are_append_only(database: PostgresDatabase, change: str) -> None:
    await append_records(database, 1)
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await database.fetch(change)
    await database.fetch("GRANT UPDATE, DELETE, TRUNCATE ON links TO CURRENT_USER")
    with pytest.raises(asyncpg.RaiseError, match="append-only"):
        await database.fetch(change)


async def test_checkpoints_show_a_tail_that_was_cut_by_force(database: PostgresDatabase, tmp_path: Path) -> None:
    signer, store = load_signer(tmp_path / "key.pem"), CheckpointFile(tmp_path / "checkpoints.jsonl")
    checkpointer = Checkpointer(partial(read_heads, database), signer, store, seconds=60)
    await append_records(database, 10)
    assert await checkpointer.sign_all() == 2
    assert await checkpointer.sign_all() == 0
    await database.fetch("ALTER TABLE links DISABLE TRIGGER append_only")
    await database.fetch("GRANT DELETE ON links TO CURRENT_USER")
    await database.fetch("DELETE FROM links WHERE tenant = 'acme' AND sequence > 6")
    links = [link async for link in all_links(database, "acme")]
    (found,) = verify("acme", links, await store.read("acme"), signer.is_genuine).findings
    assert (found.kind, found.sequence) == ("cut_tail", 7)
