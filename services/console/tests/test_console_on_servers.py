"""Systems, rejected records and the live view, through the whole API on a real Postgres."""

import asyncio
import json
import re
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from console.adapters.reads import Reads
from console.api.live import LiveRoutes
from console.api.problems import ProblemError

pytestmark = pytest.mark.stack
KEPT = 3


def spec(system: str, **fields: object) -> bytes:
    return json.dumps({"system": system, **fields}).encode()


async def test_a_system_is_declared_changed_and_said_on_the_registry(world: Any) -> None:
    answers = [
        await world.api.put("/v1/systems/support", content=spec("support", window_days=days)) for days in (30, 30, 7)
    ]
    assert [answer.status_code for answer in answers] == [201, 200, 200]
    assert [(a.json()["version"], a.json()["changed"]) for a in answers] == [(1, True), (1, False), (2, True)]
    assert answers[0].json()["author"] == "ada"
    published = await world.registered()
    assert [len(event.revisions) for event in published] == [1, 2]
    assert [revision.spec.window_days for revision in published[-1].revisions] == [30, 7]
    assert published[-1].revisions[0].effective_at - datetime.now(UTC) < timedelta(seconds=30)
    shown = (await world.api.get("/v1/systems/support")).json()
    assert (shown["version"], len(shown["revisions"])) == (2, 2)


async def test_many_at_once_make_one_chain_of_versions(world: Any) -> None:
    bodies = [spec("support", window_days=1 + n) for n in range(12)]
    answers = await asyncio.gather(*(world.api.put("/v1/systems/support", content=body) for body in bodies))
    assert sorted(answer.json()["version"] for answer in answers) == list(range(1, 13))
    assert [len(event.revisions) for event in await world.registered()] == list(range(1, 13))


async def test_systems_come_in_pages(world: Any) -> None:
    for name in ("b", "a", "c"):
        await world.api.put(f"/v1/systems/{name}", content=spec(name))
    first = (await world.api.get("/v1/systems", params={"limit": 2})).json()
    rest = (await world.api.get("/v1/systems", params={"limit": 2, "after": first["next"]})).json()
    assert [item["system"] for item in first["items"] + rest["items"]] == ["a", "b", "c"]
    assert rest["next"] is None


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (spec("support", window_day=3), "window_day"),
        (spec("support", targets={"accuracy": {"target_ppm": 95.5}}), "targets.accuracy.target_ppm"),
        (spec("support", telemetry={"expectations": {"latency": {}}}), "telemetry.expectations.latency"),
        (spec("other"), "system"),
        (spec("support", tenant="acme"), "tenant"),
        (b"{", ""),
    ],
)
async def test_a_wrong_spec_is_refused_with_its_field(world: Any, body: bytes, field: str) -> None:
    answer = await world.api.put("/v1/systems/support", content=body)
    assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json")
    assert answer.json()["errors"][0]["field"] == field
    assert await world.registered() == []


async def test_rejected_records_are_kept_whole_newest_first_and_bounded(world: Any) -> None:
    identities = [await world.reject("support", b"%d" % n) for n in range(KEPT + 2)]
    await world.reject("other", None)
    page = (await world.api.get("/v1/rejected", params={"system": "support", "limit": 2})).json()
    rest = (await world.api.get("/v1/rejected", params={"system": "support", "after": page["next"]})).json()
    assert [item["body_text"] for item in page["items"] + rest["items"]] == ["4", "3", "2"]
    assert len((await world.api.get("/v1/rejected")).json()["items"]) == KEPT + 1
    assert (await world.api.get(f"/v1/rejected/{identities[0]}")).status_code == 404


async def test_a_rejected_record_is_shown_as_it_arrived(world: Any) -> None:
    body = b'{"a": "' + b"x" * 10_000 + b'"'
    identity = await world.reject("support", body, (("ce_id", b"\xff"), ("a\0", b"b"), ("empty", None)))
    listed = (await world.api.get("/v1/rejected")).json()["items"][0]
    whole = (await world.api.get(f"/v1/rejected/{identity}")).json()
    assert (len(listed["body_text"]), listed["body_bytes"]) == (2_000, len(body))
    assert whole["body_text"] == body.decode()
    assert whole["key_base64"] == "/2tleQ=="
    assert [header["value_base64"] or header["value_text"] for header in whole["headers"]] == ["/w==", "b", None]
    assert whole["field"] == "da\ufffdta"


async def test_the_live_view_shows_what_is_and_then_each_change(world: Any) -> None:
    for system, cause in (("support", "first"), ("support", "second"), ("other", "third")):
        await world.put(system, cause)
    routes = LiveRoutes(Reads(world.database), 1, world.health)
    stream = aiter((await routes.live("support")).body_iterator)
    assert (await anext(stream)).startswith(":")
    assert '"cause": "second"' in await anext(stream)
    with pytest.raises(ProblemError):
        await routes.live("support")
    await world.put("support", "fourth")
    last = await anext(stream)
    assert '"cause": "fourth"' in last
    world.health.stopping = True
    assert [chunk async for chunk in stream] == []
    world.health.stopping = False
    await world.put("support", "fifth")
    resumed = aiter((await routes.live("support", last_event_id=int(last.split("id: ")[1].split()[0]))).body_iterator)
    await anext(resumed)
    assert '"cause": "fifth"' in await anext(resumed)


async def test_the_document_is_openapi_3_1_and_every_operation_wants_a_token(world: Any) -> None:
    document: dict[str, Any] = (await world.api.get("/openapi.json", headers={"Authorization": ""})).json()
    assert document["openapi"].startswith("3.1")
    operations = [operation for path in document["paths"].values() for operation in path.values()]
    assert len(operations) >= 14
    assert all(operation["security"] for operation in operations)
    for path, methods in document["paths"].items():
        for method in methods:
            answer = await world.api.request(
                method, re.sub("{[^}]+}", str(uuid4()), path), headers={"Authorization": ""}
            )
            assert answer.status_code == 401, path


async def test_a_rejected_record_is_replayed_once_and_audited(world: Any) -> None:
    broken, whole = (event_of("e-1", latency) for latency in (-1, 20))
    identity = await world.reject("support", broken)
    other = await world.reject("support", event_of("e-2", 5))
    again = {"reason": "lost its sign"}
    refused = await world.api.post(f"/v1/rejected/{identity}/replay", json=again)
    assert (refused.status_code, refused.json()["title"]) == (422, "it would be rejected again: invalid_field")
    asked = [
        world.api.post(f"/v1/rejected/{identity}/replay", json={**again, "event": whole.decode()}) for _ in range(4)
    ]
    answers = [answer.json() for answer in await asyncio.gather(*asked)]
    assert sorted(answer["replayed"] for answer in answers) == [False, False, False, True]
    assert {(answer["event_id"], answer["actor"]) for answer in answers} == {("e-1", "user:ada")}
    rows = await world.database.fetch("SELECT topic, key, body FROM outbox ORDER BY id")
    assert [(row["topic"], row["key"]) for row in rows] == [
        ("agent.events.v1", b"support"),
        ("audit.records.v1", b"support"),
    ]
    assert rows[0]["body"] == whole
    assert json.loads(rows[1]["body"])["kind"] == "rejected.replay"
    waiting = (await world.api.get("/v1/rejected", params={"waiting": True})).json()["items"]
    assert [item["id"] for item in waiting] == [str(other)]
    shown = (await world.api.get(f"/v1/rejected/{identity}")).json()
    assert shown["replayed_by"] == "user:ada"


async def test_rejected_records_are_found_by_reason_and_time(world: Any) -> None:
    await world.reject("support", b"x")
    for parameters, count in (
        ({"reason": "not_json"}, 1),
        ({"reason": "too_deep"}, 0),
        ({"since": "2026-11-21T09:30:00Z"}, 1),
        ({"until": "2026-11-21T09:30:00Z"}, 0),
    ):
        assert len((await world.api.get("/v1/rejected", params=parameters)).json()["items"]) == count
    assert (await world.api.get("/v1/rejected", params={"since": "2026-11-21"})).status_code == 422


def event_of(identity: str, latency_ms: float) -> bytes:
    event = {
        "specversion": "1.0",
        "id": identity,
        "source": "/agents/support",
        "type": "interaction.completed",
        "subject": "support",
        "time": "2026-11-21T09:30:00Z",
        "data": {"interaction_id": "i-1", "release": "1.0", "outcome": "ok", "latency_ms": latency_ms},
    }
    return json.dumps(event).encode()
