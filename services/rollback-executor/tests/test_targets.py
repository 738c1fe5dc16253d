"""One suite for every adapter, each on its real server: what a target promises."""

from collections.abc import AsyncIterator
from uuid import uuid4

import pytest
from webhook_server import SECRET, Switch, switched

from flyball.stack.redis import Redis
from flyball.store.errors import Transient
from flyball.store.redis import open_redis
from flyball.store.settings import StoreSettings
from rollback_executor.adapters.redis import POINTER_REPLICA, RedisTarget
from rollback_executor.adapters.webhook import WebhookTarget, open_webhook_targets, signature
from rollback_executor.domain.rollout import Pointer
from rollback_executor.ports import Target, TargetName, TargetRefusedError

BEFORE = Pointer(stable="1.4.0")
CANARY = Pointer(stable="1.4.0", candidate="1.5.0", share_basis_points=500, rollout_id="r")


def name() -> TargetName:
    return TargetName("default", f"system-{uuid4().hex[:8]}", "production")


@pytest.fixture(params=[pytest.param("redis", marks=pytest.mark.stack), "webhook"])
def redis_url(request: pytest.FixtureRequest) -> str | None:
    """Where the Redis adapter is tested; None where the webhook is."""
    return request.getfixturevalue("redis_server").url if request.param == "redis" else None


@pytest.fixture
async def target(redis_url: str | None) -> AsyncIterator[Target]:
    if redis_url is None:
        async with switched(Switch()) as targets:
            yield targets.target(name())
        return
    settings = StoreSettings.from_environment({"FLYBALL_POSTGRES": "postgresql://none", "FLYBALL_REDIS": redis_url})
    async with open_redis(settings) as client:
        yield RedisTarget(client, name())


async def test_a_target_that_never_held_anything_has_no_snapshot(target: Target) -> None:
    assert await target.snapshot() is None


async def test_what_is_applied_is_what_a_snapshot_gives(target: Target) -> None:
    await target.apply(CANARY, 3)
    assert await target.snapshot() == CANARY


async def test_a_stale_epoch_changes_nothing(target: Target) -> None:
    await target.apply(CANARY, 7)
    with pytest.raises(TargetRefusedError, match="7"):
        await target.apply(BEFORE, 6)
    assert await target.snapshot() == CANARY


async def test_the_same_order_again_changes_nothing_and_another_one_at_its_epoch_is_refused(target: Target) -> None:
    await target.apply(CANARY, 7)
    await target.apply(CANARY, 7)
    with pytest.raises(TargetRefusedError):
        await target.apply(BEFORE, 7)
    assert await target.snapshot() == CANARY


async def test_epochs_are_numbers_not_words(target: Target) -> None:
    await target.apply(CANARY, 9)
    await target.apply(BEFORE, 10)
    assert await target.snapshot() == BEFORE


async def test_what_is_observed_is_the_release_of_each_replica(target: Target) -> None:
    await target.apply(BEFORE, 1)
    assert set((await target.observe()).values()) == {"1.4.0"}


def test_every_adapter_of_this_suite_takes_a_part_of_the_traffic() -> None:
    assert RedisTarget.supports_partial
    assert WebhookTarget.supports_partial


@pytest.mark.stack
async def test_replicas_that_follow_the_pointer_say_what_they_run(redis_server: Redis) -> None:
    url = {"FLYBALL_POSTGRES": "postgresql://none", "FLYBALL_REDIS": redis_server.url}
    async with open_redis(StoreSettings.from_environment(url)) as client:
        target = RedisTarget(client, name())
        await target.apply(BEFORE, 1)
        await target.report("a", "1.4.0")
        await target.report("b", "1.5.0")
        await client.hset(target._replicas, "gone", "1.5.0 1700000000000")
        assert await target.observe() == {POINTER_REPLICA: "1.4.0", "a": "1.4.0", "b": "1.5.0"}


@pytest.mark.stack
async def test_a_redis_that_is_away_is_transient() -> None:
    nowhere = {"FLYBALL_POSTGRES": "postgresql://none", "FLYBALL_REDIS": "redis://127.0.0.1:1/0"}
    async with open_redis(StoreSettings.from_environment(nowhere)) as client:
        with pytest.raises(Transient):
            await RedisTarget(client, name()).apply(BEFORE, 1)


async def test_a_webhook_that_answers_too_late_may_have_worked() -> None:
    switch = Switch(fault="hangs")
    async with switched(switch, timeout_seconds=0.2) as targets:
        target = targets.target(name())
        with pytest.raises(Transient):
            await target.apply(BEFORE, 1)
        assert await target.observe() == {"only": "1.4.0"}


async def test_a_webhook_in_trouble_is_asked_again_with_the_same_key() -> None:
    switch = Switch(fault="away")
    async with switched(switch) as targets:
        target = targets.target(TargetName("default", "support", "production"))
        with pytest.raises(Transient, match="503"):
            await target.apply(BEFORE, 4)
        switch.fault = ""
        await target.apply(BEFORE, 4)
        await target.apply(BEFORE, 4)
    assert switch.keys == ["default/support/production:4"] * 2


async def test_a_webhook_refuses_what_is_not_signed_with_its_secret() -> None:
    async with switched(Switch()) as targets:
        url = str(targets._client.base_url)
        async with open_webhook_targets(url, "another secret of 16", 1) as strangers:
            with pytest.raises(TargetRefusedError, match="401"):
                await strangers.target(name()).apply(BEFORE, 1)


async def test_an_answer_that_is_no_map_of_releases_proves_nothing() -> None:
    switch = Switch()
    switch.replicas = {"a": 5}  # type: ignore[dict-item]
    async with switched(switch) as targets:
        with pytest.raises(Transient, match="not what it should be"):
            await targets.target(name()).observe()


def test_a_signature_covers_time_path_and_body() -> None:
    signed = {
        signature(SECRET, 1, "apply", b"x"),
        signature(SECRET, 2, "apply", b"x"),
        signature(SECRET, 1, "snapshot", b"x"),
        signature(SECRET, 1, "apply", b"y"),
    }
    assert len(signed) == 4
