"""Invariant 7 on real servers: providers at their worst, silences, storms and kill -9 leave one page per epoch."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from notifier_builders import alert
from notifier_running import LEASE_SECONDS, Running, over

from flyball.schemas.alerts import Alert
from tests.stub_providers import Provider, provider
from tests.wire.outside import until

pytestmark = pytest.mark.stack
STORM = 5_000
TROUBLES = 12


@pytest.fixture
def tenant() -> str:
    """Each has a board of its own, so that a storm of one test is none of the next."""
    return f"tenant-{uuid4().hex[:8]}"


@asynccontextmanager
async def notifier(
    environment: Mapping[str, str], pagerduty: Provider, slack: Provider, folder: Path, replicas: int = 1
) -> AsyncIterator[list[Running]]:
    running = [Running(environment, pagerduty, slack, folder, number) for number in range(1, replicas + 1)]
    try:
        for one in running:
            await one.process.start()
        yield running
    finally:
        # Gracefully: the group of one that was killed waits for its session before it serves the next test.
        for one in running:
            await one.process.stop()


def trouble(tenant: str, name: str = "a", **more: Any) -> Alert:
    system = more.pop("system", f"{tenant}-system")
    return alert(f"{system}/{name}", system=system, **more).model_copy(update={"tenant": tenant})


def pages(stub: Provider, tenant: str, action: str = "trigger") -> list[str]:
    """Keys of what a PagerDuty got of one tenant."""
    keys = [body["dedup_key"] for body in stub.bodies(event_action=action)]
    return [key for key in keys if key.startswith(f"flyball/{tenant}/")]


async def told(stub: Provider, tenant: str, action: str, count: int = 1, seconds: float = 60) -> list[str]:
    async def now() -> list[str]:
        return pages(stub, tenant, action)

    return await until(now, lambda keys: len(keys) >= count, seconds)


async def receipts(one: Running, tenant: str, incident: str) -> list[dict[str, Any]]:
    found = (await one.ask("GET", f"/v1/incidents/{incident}", params={"tenant": tenant})).json()["receipts"]
    return [receipt for receipt in found if receipt["channel"] == "pagerduty"]


async def test_a_provider_at_its_worst_still_sees_one_incident(
    environment: Mapping[str, str], tenant: str, tmp_path: Path
) -> None:
    script = [(500, {}), (429, {"Retry-After": "2"}), (-1, {}), (0, {})]
    with provider(*script) as pagerduty, provider() as slack:
        pagerduty.only = tenant
        async with notifier(environment, pagerduty, slack, tmp_path) as (one,):
            bad = trouble(tenant)
            one.say(bad)
            keys = await told(pagerduty, tenant, "trigger", len(script) + 1, 90)
            (incident,) = await one.incidents(bad.system, tenant)

            async def receipt() -> list[dict[str, Any]]:
                return await receipts(one, tenant, incident["id"])

            (last,) = await until(receipt, lambda now: now[0]["state"] == "delivered")
            one.say(over(bad))
            resolved = await told(pagerduty, tenant, "resolve")
    assert set(keys) == set(resolved) == {f"flyball/{tenant}/{incident['id']}/1"}
    assert (last["attempts"], len(resolved)) == (len(script) + 1, 1)


async def test_a_resolve_passes_a_silence(environment: Mapping[str, str], tenant: str, tmp_path: Path) -> None:
    with provider() as pagerduty, provider() as slack:
        async with notifier(environment, pagerduty, slack, tmp_path) as (one,):
            first, second = trouble(tenant), trouble(tenant, "b", rule="drift.feature")
            one.say(first)
            await told(pagerduty, tenant, "trigger")
            silence = {
                "tenant": tenant,
                "matchers": [{"name": "system", "value": first.system}],
                "ends_at": (datetime.now(UTC) + timedelta(hours=1)).isoformat(),
                "author": "user:ada",
                "comment": "being moved",
            }
            assert (await one.ask("POST", "/v1/silences", json=silence)).status_code == 201
            one.say(second)
            one.say(over(first), over(second))
            await told(pagerduty, tenant, "resolve")
            incidents = await one.incidents(first.system, tenant)
    assert [incident["state"] for incident in incidents] == ["resolved"]
    assert (len(pages(pagerduty, tenant)), len(pages(pagerduty, tenant, "resolve"))) == (1, 1)


async def test_a_storm_of_5000_alerts_is_one_incident(
    environment: Mapping[str, str], tenant: str, tmp_path: Path
) -> None:
    storm = [trouble(tenant, system=f"{tenant}-{number}") for number in range(STORM)]
    with provider() as pagerduty, provider() as slack:
        async with notifier(environment, pagerduty, slack, tmp_path) as (one,):
            one.say(*storm)

            async def incidents() -> list[dict[str, Any]]:
                return (await one.ask("GET", "/v1/incidents", params={"state": "all", "tenant": tenant})).json()[
                    "items"
                ]

            found = await until(incidents, lambda now: bool(now) and now[0]["fingerprint_count"] == STORM, 90)
            assert (len(found), found[0]["storm"], found[0]["epoch"]) == (1, True, 1)
            await told(pagerduty, tenant, "trigger")
            one.say(*(over(each) for each in storm))
            await told(pagerduty, tenant, "resolve", seconds=90)
            assert [one["state"] for one in await incidents()] == ["resolved"]
    assert (len(pages(pagerduty, tenant)), len(pages(pagerduty, tenant, "resolve"))) == (1, 1)


@pytest.mark.chaos
async def test_each_page_once_per_epoch_while_replicas_are_killed(
    environment: Mapping[str, str], tenant: str, tmp_path: Path
) -> None:
    """Each is killed in the midst of sending; the other, and then it itself, goes on."""
    with provider() as pagerduty, provider() as slack:
        pagerduty.only = tenant
        async with notifier(environment, pagerduty, slack, tmp_path, replicas=2) as running:
            troubles = [trouble(tenant, system=f"{tenant}-{number}") for number in range(TROUBLES)]
            for victim in running:
                pagerduty.script.append((-1, {}))
                half = troubles[: TROUBLES // 2] if victim is running[0] else troubles[TROUBLES // 2 :]
                running[0].say(*half)
                # PagerDuty has a page and hangs: there is no receipt yet.
                await until(lambda: _left(pagerduty), lambda left: left == 0, 60)
                await victim.process.kill()
                await victim.process.start()
            await _epochs(running[0], pagerduty, tenant, 1)
            running[0].say(*(over(each) for each in troubles))
            await told(pagerduty, tenant, "resolve", TROUBLES, LEASE_SECONDS + 60)
    keys = Counter(pages(pagerduty, tenant))
    assert len(keys) == TROUBLES, keys
    assert all(key.endswith("/1") for key in keys)
    assert sum(keys.values()) <= TROUBLES + len(running) * 4, "what was on its way is sent again, and nothing else"
    texts = [body["text"] for body in slack.bodies() if f"{tenant}-" in body["text"]]
    shown = Counter(text for text in texts if "Resolved" not in text)
    assert len(shown) == TROUBLES
    assert max(shown.values()) <= 1 + len(running), "Slack may repeat once for each crash, no more"


async def _left(stub: Provider) -> int:
    return len(stub.script)


async def _epochs(one: Running, pagerduty: Provider, tenant: str, epoch: int) -> None:
    """Every trouble has a receipt."""

    async def delivered() -> int:
        found = (await one.ask("GET", "/v1/incidents", params={"tenant": tenant})).json()["items"]
        wholes = await asyncio.gather(*(receipts(one, tenant, each["id"]) for each in found))
        assert all(each["epoch"] == epoch for each in found)
        return sum(any(receipt["state"] == "delivered" for receipt in whole) for whole in wholes)

    assert await until(delivered, lambda now: now >= TROUBLES, LEASE_SECONDS + 60) == TROUBLES
    assert len(set(pages(pagerduty, tenant))) == TROUBLES
