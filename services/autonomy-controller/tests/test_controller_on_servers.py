"""The controller as a process on real servers: request and reply, bad input, who may do what, and the lease."""

import json
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import httpx
import pytest
import pytest_asyncio
from autonomy_builders import request, revision, spec
from autonomy_servers import AGENT_TOKEN, REPLIES, SERVICE_TOKEN

from flyball.schemas.autonomy import ActionRequested
from flyball.schemas.registry import SystemRegistered
from flyball.sdk.client import Client, connect
from flyball.sdk.guarding import Guard, Permit
from flyball.sdk.levels import Levels
from flyball.sdk.settings import SdkSettings
from flyball.stack import ServiceProcess
from tests.wire.outside import Broker, Letter, until

pytestmark = [pytest.mark.stack, pytest.mark.asyncio(loop_scope="session")]
PAST = datetime(2026, 1, 1, tzinfo=UTC)
SHORT = {"FLYBALL_TICK_SECONDS": "0.1", "FLYBALL_HEARTBEAT_SECONDS": "0.2"}


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def controller(
    servers: Mapping[str, str], tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[ServiceProcess]:
    service = ServiceProcess("autonomy-controller", {**servers, **SHORT}, tmp_path_factory.mktemp("logs"))
    try:
        await service.start()
        yield service
        assert service.running, service.process.log_tail()
    finally:
        await service.kill()


@pytest.fixture
def broker(servers: Mapping[str, str]) -> Broker:
    return Broker(servers["FLYBALL_KAFKA"])


@pytest.fixture
def system() -> str:
    return f"system-{uuid4().hex[:12]}"


@pytest_asyncio.fixture(loop_scope="session")
async def api(controller: ServiceProcess) -> AsyncIterator[httpx.AsyncClient]:
    headers = {"authorization": f"Bearer {SERVICE_TOKEN}"}
    async with httpx.AsyncClient(base_url=controller.url, headers=headers, timeout=30) as client:
        yield client


async def declare(broker: Broker, api: httpx.AsyncClient, system: str, level: int) -> None:
    """Put a system with this starting level on the registry and wait until the controller has it."""
    declared = spec(level).model_copy(update={"system": system})
    event = SystemRegistered(tenant="default", system=system, revisions=(revision(1, declared, PAST),))
    broker.publish([letter("registry.systems.v1", system, event.model_dump_json().encode())])

    async def known() -> bool:
        return bool((await api.get("/v1/levels", params={"system": system})).json()["items"])

    assert await until(known, bool)


def letter(topic: str, key: str, body: bytes) -> Letter:
    return Letter(topic, key.encode(), body, (("ce_id", str(uuid4()).encode()),))


def asked(system: str, **changes: object) -> ActionRequested:
    soon = datetime.now(UTC) + timedelta(seconds=20)
    return request(system=system, deadline=soon, reply_topic=REPLIES.name, **changes)


async def replies(broker: Broker, since: Mapping[int, int], count: int) -> dict[str, dict]:
    """Answers by correlation id."""

    async def read() -> list:
        return broker.read(REPLIES.name, since)

    found = await until(read, lambda messages: len(messages) >= count)
    return {dict(message.headers())["correlation_id"].decode(): json.loads(message.value()) for message in found}


async def test_a_request_gets_a_reply_where_it_asked_for_it(broker: Broker, api, system: str) -> None:
    await declare(broker, api, system, 2)
    since = broker.ends(REPLIES.name)
    first = asked(system, correlation_id="mine", reply_partition=1)
    denied = asked(system, parameters={"method": "gift"})
    late = asked(system).model_copy(update={"deadline": PAST})
    nowhere = asked(system).model_copy(update={"reply_topic": "agent.replies.nowhere"})
    wrong = asked(system).model_copy(update={"reply_partition": 99})
    everything = [nowhere, wrong, first, denied, late, first]
    broker.publish([letter("agent.actions.v1", system, one.model_dump_json().encode()) for one in everything])
    answers = await replies(broker, since, 3)
    assert answers["mine"]["verdict"] == "allow"
    assert "audited" not in answers["mine"]
    assert answers[denied.action_id]["verdict"] == "deny"
    assert set(answers) == {"mine", denied.action_id}
    again = (await api.post("/v1/decisions", content=first.model_dump_json())).json()
    assert {k: v for k, v in answers["mine"].items() if k != "request"} == again
    assert (await api.get(f"/v1/actions/{late.action_id}")).json()["state"] == "denied"


BAD = [b"", b"{", b"[]", b'{"kind": "other"}', b'{"kind": "requested"}', b"\xff\xfe", b"null"]


async def test_bad_input_is_buried_and_the_next_is_answered(broker: Broker, api, system: str) -> None:
    await declare(broker, api, system, 2)
    ends = {topic: broker.ends(f"{topic}.dlq") for topic in ("agent.actions.v1", "agent.decisions.v1")}
    good = asked(system)
    tricky = [
        good.model_copy(update={"reply_topic": "registry.systems.v1"}).model_dump_json().encode(),
        json.dumps({**json.loads(good.model_dump_json()), "parameters": {"n": 2**63}}).encode(),
        json.dumps({**json.loads(good.model_dump_json()), "parameters": {"n": "x" * 70_000}}).encode(),
        json.dumps({**json.loads(good.model_dump_json()), "action_id": "a\x00b"}).encode(),
    ]
    broker.publish([letter("agent.decisions.v1", system, body) for body in BAD])
    broker.publish([letter("agent.actions.v1", system, body) for body in BAD + tricky])
    broker.publish([letter("agent.actions.v1", system, good.model_dump_json().encode())])

    async def state() -> str | None:
        return (await api.get(f"/v1/actions/{good.action_id}")).json().get("state")

    assert await until(state, lambda found: found == "allowed") == "allowed"

    async def buried() -> list[int]:
        return [len(broker.read(f"{topic}.dlq", since)) for topic, since in ends.items()]

    expected = [len(BAD + tricky), len(BAD)]
    assert await until(buried, lambda counts: counts == expected) == expected


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"{}",
        b"\xff",
        b"null",
        b'{"kind":"requested","action_id":"\\u0000"}',
        b"[" * 100_000,
        b'{"a": NaN}',
    ],
)
@pytest.mark.parametrize(
    "path",
    [
        "/v1/decisions",
        "/v1/kill",
        "/v1/release",
        "/v1/demote",
        "/v1/promotions",
        "/v1/promotions/x/signatures",
        "/v1/actions/x/start",
        "/v1/actions/x/report",
        "/v1/reviews/x/claim",
        "/v1/reviews/x/judgment",
        "/v1/reviews/x/verdict",
        "/v1/decide-again",
    ],
)
async def test_a_bad_body_is_refused_with_its_field(api, path: str, body: bytes) -> None:
    answer = await api.post(path, content=body)
    assert answer.status_code == 422, answer.text
    assert answer.headers["content-type"] == "application/problem+json"


ROUTES = [
    ("POST", "/v1/decisions", True),
    ("GET", "/v1/actions/x", True),
    ("POST", "/v1/actions/x/start", True),
    ("POST", "/v1/actions/x/report", True),
    ("POST", "/v1/kill", False),
    ("POST", "/v1/release", False),
    ("POST", "/v1/demote", False),
    ("POST", "/v1/reviews/x/claim", False),
    ("POST", "/v1/reviews/x/judgment", False),
    ("POST", "/v1/reviews/x/verdict", False),
    ("POST", "/v1/promotions", False),
    ("POST", "/v1/promotions/x/signatures", False),
    ("POST", "/v1/decide-again", False),
    ("GET", "/v1/levels", False),
    ("GET", "/v1/actions", False),
    ("GET", "/v1/reviews", False),
    ("GET", "/v1/reviews/x", False),
]


@pytest.mark.parametrize(("method", "path", "for_agents"), ROUTES)
async def test_agents_decide_nothing_that_people_decide(api, method: str, path: str, for_agents: bool) -> None:
    for token, allowed in [(None, False), ("wrong", False), (AGENT_TOKEN, for_agents), (SERVICE_TOKEN, True)]:
        headers = {"authorization": f"Bearer {token}" if token else ""}
        status = (await api.request(method, path, headers=headers)).status_code
        assert (status != 401) == allowed, (token, status)
    assert (await api.request("DELETE", path)).status_code == 405


@pytest.mark.parametrize(
    "path", ["/v1/actions/%00", "/v1/reviews/a%00b", "/v1/levels?tenant=%00", "/v1/reviews?after=%00"]
)
async def test_a_name_that_no_database_has_is_not_found(api, path: str) -> None:
    assert (await api.get(path)).status_code == 404


async def test_every_partition_hears_the_heartbeat(broker: Broker, controller: ServiceProcess) -> None:
    since = broker.ends("autonomy.levels.v1")

    async def heard() -> set[int | None]:
        return {one.partition() for one in broker.read("autonomy.levels.v1", since) if b"heartbeat" in one.value()}

    assert await until(heard, lambda partitions: len(partitions) == 12) == set(range(12))


async def test_a_decision_on_the_audit_topic_is_decided_again(broker: Broker, api, system: str) -> None:
    await declare(broker, api, system, 2)
    await api.post("/v1/decisions", content=asked(system).model_dump_json())

    async def recorded() -> list[dict]:
        found = broker.read("audit.records.v1", dict.fromkeys(range(12), 0))
        return [json.loads(one.value()) for one in found if one.key() == system.encode()]

    records = await until(recorded, lambda found: len(found) >= 4)
    assert {record["kind"] for record in records} == {"autonomy.level", "autonomy.decision"}
    for record in records:
        body = {"kind": record["kind"], "inputs": record["inputs"]}
        assert (await api.post("/v1/decide-again", json=body)).json() == {"decision": record["decision"]}
    assert (await api.post("/v1/decide-again", json={"kind": "other", "inputs": {}})).status_code == 422


@pytest.mark.parametrize("who", ["agent:support", "ada", "user:", "user:a\nb", "service:console"])
async def test_only_people_give_verdicts(api, who: str) -> None:
    body = {"reviewer": who, "resolution": "approve"}
    assert (await api.post("/v1/reviews/x/verdict", json=body)).status_code == 422


async def test_a_kill_reaches_an_agent(broker: Broker, api, servers, system: str) -> None:
    levels = Levels({"bootstrap.servers": servers["FLYBALL_KAFKA"]})
    levels.start()
    try:
        await declare(broker, api, system, 3)
        await until(lambda: lease(levels, system), lambda age: age < 5)
        stop = {"system": system, "person": "user:grace", "reason": "it deletes orders"}
        assert (await api.post("/v1/kill", json=stop)).status_code == 200

        async def killed() -> bool:
            return levels.known("default", system, None).controls["orders"].killed

        assert await until(killed, bool)
    finally:
        levels.close()


async def lease(levels: Levels, system: str) -> float:
    return levels.known("default", system, None).lease_seconds


def agent(servers: Mapping[str, str], url: str, system: str) -> Client:
    kafka = servers["FLYBALL_KAFKA"]
    return connect(SdkSettings(kafka=kafka, system=system, release="2.1.0", url=url, token=AGENT_TOKEN))


async def cancel(client: Client, wait_seconds: float = 0.0) -> Permit:
    """A high-risk action under guard."""
    action = {"action_class": "orders", "operation": "order.cancel", "target": "order/1", "confidence": 0.9}
    async with Guard(client, action, wait_seconds) as permit:
        return permit


async def test_an_sdk_decides_alone_and_the_action_ends_once(broker: Broker, api, servers, controller, system) -> None:
    await declare(broker, api, system, 3)
    client = agent(servers, controller.url, system)
    try:
        await until(lambda: lease(client.levels, system), lambda age: age < 5)
        permit = await cancel(client)
        assert (permit.allowed, permit.rule) == (True, "level_3")

        async def state() -> dict:
            return (await api.get(f"/v1/actions/{permit.action_id}")).json()

        ended = await until(state, lambda found: found.get("state") == "executed")
        assert (ended["state"], ended["decision"]["decided_by"]) == ("executed", "sdk")
    finally:
        client.close(1)


async def test_an_sdk_waits_for_a_person_and_runs_what_was_approved_once(
    broker: Broker, api, servers, controller, system
) -> None:
    import asyncio

    await declare(broker, api, system, 1)
    client = agent(servers, controller.url, system)
    try:
        await until(lambda: lease(client.levels, system), lambda age: age < 5)
        running = asyncio.create_task(cancel(client, 20))

        async def waiting() -> list:
            return (await api.get("/v1/reviews", params={"system": system})).json()["items"]

        review = (await until(waiting, bool))[0]["review_id"]
        owner = {"reviewer": "user:ada", "judgment": "approve", "confidence": 5}
        assert (await api.post(f"/v1/reviews/{review}/judgment", json=owner)).json()["reason"] == "excluded"
        await api.post(f"/v1/reviews/{review}/judgment", json={**owner, "reviewer": "user:grace"})
        given = {"reviewer": "user:grace", "resolution": "approve"}
        assert (await api.post(f"/v1/reviews/{review}/verdict", json=given)).status_code == 200
        second = await api.post(f"/v1/reviews/{review}/verdict", json={**given, "reviewer": "user:hopper"})
        assert (second.status_code, second.json()["verdicts"][0]["reviewer"]) == (409, "user:grace")
        permit = await running
        assert (permit.allowed, permit.reason) == (True, "started")
        start = {"digest": "0" * 64, "policy_version": 1}
        assert (await api.post(f"/v1/actions/{permit.action_id}/start", json=start)).json()["reason"] == "consumed"
    finally:
        client.close(1)
