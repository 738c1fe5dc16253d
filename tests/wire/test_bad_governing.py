"""Bad records between good ones on every topic that tells of decisions: each is buried whole, and nobody is hurt."""

import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
import pytest_asyncio
from notifier_builders import alert

from flyball.schemas.topics import BY_NAME, Topic
from flyball.sdk.levels import Levels
from flyball.stack import ServiceProcess
from tests.wire.buried import buried_since, original
from tests.wire.governing import asked, client, console, controller, declare, letter, registered, running
from tests.wire.outside import Broker, until

pytestmark = [pytest.mark.stack, pytest.mark.asyncio(loop_scope="session")]
TOPICS = (
    "agent.actions.v1",
    "agent.decisions.v1",
    "reviews.v1",
    "alerts.v1",
    "incidents.v1",
    "registry.systems.v1",
    "autonomy.levels.v1",
    "budget.states.v1",
    "rollouts.v1",
    "drift.references.v1",
    "drift.reports.v1",
)
EMPTY: list[bytes | None] = [b"", b"{}", b"[]", b"null", b'"x"', b"7"]
BROKEN: list[bytes | None] = [b"{", b"\xff\xfe", b"[" * 100_000, b'{"kind": NaN}', b'{"a": 1}' * 2, b"\x00"]
RUNNING = ("autonomy-controller", "notifier", "console")


@dataclass(frozen=True, slots=True)
class Site:
    controller: httpx.AsyncClient
    notifier: httpx.AsyncClient
    services: tuple[ServiceProcess, ...]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def site(environment: Mapping[str, str], tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Site]:
    logs = tmp_path_factory.mktemp("logs")
    decides, tells = controller(environment, logs), ServiceProcess("notifier", environment, logs)
    page = console(environment, logs, autonomy_controller=decides.url, notifier=tells.url)
    async with running(decides, tells, page), client(decides) as one, client(tells) as other:
        yield Site(one, other, (decides, tells, page))


def wrong_fields(topic: Topic, system: str) -> list[bytes | None]:
    """A good record of the topic with one field that is not."""
    example = json.loads(examples(topic)[0].read_text())
    changes = ({"tenant": "NOT A NAME"}, {"system": "x" * 100}, {"systems": []}, {"system": 7, "systems": 7})
    found = [json.dumps({**example, **change}).encode() for change in changes if change.keys() & example.keys()]
    return [*found, json.dumps([example]).encode()]


def examples(topic: Topic) -> list[Path]:
    return sorted((Path(__file__).parents[2] / "schemas" / "examples" / topic.name).glob("*.json"))


async def test_bad_records_are_buried_whole_and_their_neighbours_taken(site: Site, broker: Broker, system: str) -> None:
    since = {name: broker.ends(f"{name}.dlq") for name in TOPICS}
    places = {}
    for name in TOPICS:
        bad = [*EMPTY, *BROKEN, *wrong_fields(BY_NAME[name], system)]
        letters = [letter(name, system, body) for body in bad]
        places[name] = (bad, broker.publish(letters))
    await declare(broker, site.controller, system, 2)
    broker.publish(neighbours(system))

    for name, (bad, where) in places.items():
        readers = [service for service in BY_NAME[name].consumers if service in RUNNING]
        assert readers, f"nobody reads {name}"
        dead_letters = f"{name}.dlq"
        found = await buried_since(broker, dead_letters, since[name], set(where), len(readers), readers)
        for body, place in zip(bad, where, strict=True):
            for event in found[place]:
                assert event["reason"], (name, body)
                key, _, kept = original(event)
                assert (key, kept) == (system.encode(), body), (name, event["reason"])
    await taken(site, system)
    for service in site.services:
        assert service.running, service.process.log_tail()


def neighbours(system: str) -> list[Any]:
    """Good records behind the bad ones, with the same key."""
    trouble = alert(f"{system}/a", system=system).model_dump_json().encode()
    asks = json.dumps(asked(system, action_id=f"{system}-asked", write=False)).encode()
    return [letter("alerts.v1", system, trouble), letter("agent.actions.v1", system, asks)]


async def taken(site: Site, system: str) -> None:
    """The neighbours had their effect."""

    async def state() -> Any:
        return (await site.controller.get(f"/v1/actions/{system}-asked")).json().get("state")

    assert await until(state, lambda now: now is not None) == "allowed"

    async def incidents() -> list[Any]:
        found = (await site.notifier.get("/v1/incidents")).json()["items"]
        return [one for one in found if system in one["systems"]]

    assert len(await until(incidents, bool, 60)) == 1


async def test_an_agent_that_reads_bad_levels_goes_on(
    site: Site, environment: Mapping[str, str], broker: Broker, system: str
) -> None:
    levels = Levels({"bootstrap.servers": environment["FLYBALL_KAFKA"]})
    levels.start()
    try:
        bodies = [*EMPTY, *BROKEN, None, *wrong_fields(BY_NAME["autonomy.levels.v1"], system)]
        bad = [
            letter("autonomy.levels.v1", key, body) for body in bodies for key in (f"default/{system}/orders", "\xff")
        ]
        broker.publish([*bad, registered(system, 3)])

        async def known() -> bool:
            return "orders" in levels.known("default", system, None).controls

        assert await until(known, bool)
        kill = {"system": system, "person": "user:grace", "reason": f"test {uuid4()}"}
        assert (await site.controller.post("/v1/kill", json=kill)).status_code == 200

        async def killed() -> bool:
            return levels.known("default", system, None).controls["orders"].killed

        assert await until(killed, bool)
    finally:
        levels.close()
