"""Two people, two copies of an agent, two controllers: an approved action runs once, and only people approve."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
import pytest_asyncio

from tests.wire.governing import (
    AGENT_TOKEN,
    OWNER,
    REQUESTER,
    asked,
    client,
    console,
    controller,
    declare,
    ends,
    running,
)
from tests.wire.outside import Broker, until

pytestmark = [pytest.mark.stack, pytest.mark.asyncio(loop_scope="session")]
ROUNDS = 20


@dataclass(frozen=True, slots=True)
class Site:
    """Two controllers, and a console before the second."""

    first: httpx.AsyncClient
    second: httpx.AsyncClient
    agents: tuple[httpx.AsyncClient, httpx.AsyncClient]
    people: Mapping[str, httpx.AsyncClient]
    """By name, through console."""


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def site(environment: Mapping[str, str], tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Site]:
    logs = tmp_path_factory.mktemp("logs")
    replicas = [controller(environment, logs, replica) for replica in (1, 2)]
    page = console(environment, logs, autonomy_controller=replicas[1].url)
    async with running(*replicas, page):
        apis = [client(replica) for replica in replicas]
        agents = [client(replica, AGENT_TOKEN) for replica in replicas]
        people = {name: client(page, name) for name in ("grace", "hopper", REQUESTER, "lin", "bot")}
        yield Site(apis[0], apis[1], (agents[0], agents[1]), people)
        for one in (*apis, *agents, *people.values()):
            await one.aclose()


async def waiting(site: Site, system: str, **changes: object) -> dict[str, Any]:
    """An action that waits for a person."""
    decided = (await site.agents[0].post("/v1/decisions", json=asked(system, **changes))).json()
    assert decided["verdict"] == "require_approval", decided
    return decided


async def judged(site: Site, review: str, person: str) -> None:
    judgment = {"judgment": "approve", "confidence": 4}
    await site.people[person].post(f"/v1/reviews/{review}/judgment", json=judgment)


async def started(site: Site, decided: Mapping[str, Any]) -> list[int]:
    """Both copies of the agent, each at another controller."""
    bound = {"digest": decided["digest"], "policy_version": decided["policy_version"]}
    path = f"/v1/actions/{decided['action_id']}/start"
    return sorted(
        one.status_code for one in await asyncio.gather(*(agent.post(path, json=bound) for agent in site.agents))
    )


async def test_two_people_approve_at_the_same_time_and_it_runs_once(site: Site, broker: Broker, system: str) -> None:
    await declare(broker, site.first, system, 1)
    since, ids = broker.ends("agent.decisions.v1"), []
    for number in range(ROUNDS):
        decided = await waiting(site, system, target=f"order/{number}")
        review, given = decided["review_id"], {"resolution": "approve"}
        for person in ("grace", "hopper"):
            await judged(site, review, person)
        # Grace through console and the second controller, Hopper straight to the first.
        answers = await asyncio.gather(
            site.people["grace"].post(f"/v1/reviews/{review}/verdict", json=given),
            site.first.post(f"/v1/reviews/{review}/verdict", json={**given, "reviewer": "user:hopper"}),
        )
        assert sorted(answer.status_code for answer in answers) == [200, 409], [answer.text for answer in answers]
        late = next(answer.json() for answer in answers if answer.status_code == 409)
        assert late["verdicts"][0]["resolution"] == "approve", "the second one learns of the first"
        assert await started(site, decided) == [200, 409]
        ids.append(decided["action_id"])
        report = {"kind": "reported", "action_id": ids[-1], "system": system, "end": "executed"}
        at = asked(system)["requested_at"]
        reports = (one.post(f"/v1/actions/{ids[-1]}/report", json={**report, "reported_at": at}) for one in site.agents)
        assert [one.status_code for one in await asyncio.gather(*reports)] == [200, 200]

    async def told() -> list[tuple[str, str]]:
        return ends(broker, since, ids)

    expected = sorted((action, "executed") for action in ids)
    assert await until(told, lambda now: len(now) >= len(ids)) == expected


async def test_two_of_two_must_be_two(site: Site, broker: Broker, system: str) -> None:
    await declare(broker, site.first, system, 1, approvals_needed=2)
    decided = await waiting(site, system)
    review, given = decided["review_id"], {"resolution": "approve"}
    for person in ("grace", "hopper"):
        await judged(site, review, person)
    twice = [site.people["grace"].post(f"/v1/reviews/{review}/verdict", json=given) for _ in range(2)]
    assert sorted(one.status_code for one in await asyncio.gather(*twice)) == [200, 409]
    assert await started(site, decided) == [409, 409], "one person is not two"
    assert (await site.people["hopper"].post(f"/v1/reviews/{review}/verdict", json=given)).status_code == 200
    assert await started(site, decided) == [200, 409]


async def test_who_asked_owns_or_is_an_agent_cannot_approve(site: Site, broker: Broker, system: str) -> None:
    await declare(broker, site.first, system, 1)
    decided = await waiting(site, system)
    path, given = f"/v1/reviews/{decided['review_id']}/verdict", {"resolution": "approve"}
    await judged(site, decided["review_id"], REQUESTER)
    mine = await site.people[REQUESTER].post(path, json=given)
    assert (mine.status_code, mine.json()["reason"]) == (409, "excluded")
    owner = await site.first.post(path, json={**given, "reviewer": f"user:{OWNER}"})
    assert (owner.status_code, owner.json()["reason"]) == (409, "excluded")
    assert (await site.people["bot"].post(path, json=given)).status_code == 403
    assert (await site.agents[0].post(path, json={**given, "reviewer": "user:grace"})).status_code == 401
    assert (await site.first.post(path, json={**given, "reviewer": "agent:bot"})).status_code == 422
    forged = await site.people["grace"].post(path, json={**given, "reviewer": "user:hopper"})
    assert forged.status_code == 422, "who approves is console's to say"
    assert await started(site, decided) == [409, 409]


async def test_an_admin_who_asks_cannot_approve_it(site: Site, broker: Broker, system: str) -> None:
    await declare(broker, site.first, system, 1)
    decided = (await site.people["lin"].post("/v1/decisions", json=asked(system, requester="user:bea"))).json()
    path, given = f"/v1/reviews/{decided['review_id']}/verdict", {"resolution": "approve"}
    await judged(site, decided["review_id"], "lin")
    mine = await site.people["lin"].post(path, json=given)
    assert (mine.status_code, mine.json()["reason"]) == (409, "excluded")
    await judged(site, decided["review_id"], "grace")
    assert (await site.people["grace"].post(path, json=given)).status_code == 200
