"""The notifier as a process on real Kafka and Postgres: killed between send and receipt; bad input; its HTTP port."""

from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
import pytest_asyncio
from notifier_builders import alert
from notifier_running import LEASE_SECONDS, Running, over, seen

from flyball.bus.settings import KafkaSettings
from flyball.bus.topics import open_topic_admin
from flyball.schemas.topics import ALERTS, TOPICS
from flyball.stack import LocalStack
from tests.stub_providers import provider
from tests.wire.outside import Letter, until

pytestmark = pytest.mark.stack


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stack() -> AsyncIterator[Mapping[str, str]]:
    async with LocalStack("full") as servers:
        async with open_topic_admin(KafkaSettings.from_environment(servers.environment)) as admin:
            await admin.apply(TOPICS)
        yield servers.environment


async def test_killed_between_send_and_receipt_pages_once(stack: Mapping[str, str], tmp_path: Path) -> None:
    system = f"system-{uuid4().hex[:8]}"
    trouble = alert(f"{system}/a", system=system)
    with provider((-1, {})) as pagerduty, provider() as slack:
        notifier = Running(stack, pagerduty, slack, tmp_path)
        try:
            await notifier.process.start()
            notifier.say(trouble)
            assert len(await seen(pagerduty, 1)) == 1
            # PagerDuty has it and hangs: there is no receipt yet.
            await notifier.process.kill()
            await notifier.process.start()
            assert len(await seen(pagerduty, 2, LEASE_SECONDS + 15)) == 2
            notifier.say(over(trouble))
            events = await seen(pagerduty, 3)
            (incident,) = await notifier.incidents(system)
        finally:
            await notifier.process.kill()
    assert [event["event_action"] for event in events] == ["trigger", "trigger", "resolve"]
    assert {event["dedup_key"] for event in events} == {f"flyball/default/{incident['id']}/1"}
    assert (incident["state"], incident["epoch"]) == ("resolved", 1)
    # Slack may repeat once, no more.
    assert 1 <= len([body for body in slack.bodies() if "Resolved" not in body["text"]]) <= 2


async def test_people_acknowledge_silence_and_resolve_over_http(stack: Mapping[str, str], tmp_path: Path) -> None:
    system = f"system-{uuid4().hex[:8]}"
    trouble = alert(f"{system}/a", system=system)
    with provider() as pagerduty, provider() as slack:
        notifier = Running(stack, pagerduty, slack, tmp_path)
        try:
            await notifier.process.start()
            notifier.broker.publish([Letter(ALERTS.name, b"x", body) for body in BAD])
            notifier.say(trouble)
            await seen(pagerduty, 1)
            (incident,) = await until(lambda: notifier.incidents(system), lambda now: len(now) == 1)
            path = f"/v1/incidents/{incident['id']}"
            acknowledged = await notifier.ask("POST", f"{path}/ack", json={"actor": "user:ada"})
            assert (acknowledged.json()["acknowledged_by"], acknowledged.json()["state"]) == ("user:ada", "triaged")
            await check_bad_requests(notifier, path)
            silence = {
                "matchers": [{"name": "system", "value": system}],
                "ends_at": "2999-01-01T00:00:00Z",
                "author": "ada",
                "comment": "quiet",
            }
            assert (await notifier.ask("POST", "/v1/silences", json=silence)).status_code == 422
            silence["ends_at"] = datetime.now(UTC).replace(microsecond=0).isoformat().replace("+00:00", "Z")
            assert (await notifier.ask("POST", "/v1/silences", json=silence)).status_code == 422
            silence["ends_at"] = f"{datetime.now(UTC).year + 1}-01-01T00:00:00Z"
            made = await notifier.ask("POST", "/v1/silences", json=silence)
            assert made.status_code == 201
            resolved = await notifier.ask("POST", f"{path}/resolve", json={"actor": "user:ada"})
            assert resolved.json()["state"] == "resolved"
            assert (await notifier.ask("POST", f"{path}/ack", json={"actor": "user:ada"})).status_code == 409
            whole = await until(lambda: told(notifier, path), lambda now: len(now["receipts"]) == 6)
            gone = await notifier.ask("DELETE", f"/v1/silences/{made.json()['id']}?actor=ada")
            assert gone.status_code == 204
        finally:
            await notifier.process.kill()
    # On a busy machine an answer may come too late, and what it was for is sent again: the same page, by its key.
    told_once = dict.fromkeys((event["dedup_key"], event["event_action"]) for event in pagerduty.bodies())
    assert [action for _, action in told_once] == ["trigger", "acknowledge", "resolve"]
    assert whole["severity"] == {"scheme": "p0p3", "value": "P1"}
    assert [line["kind"] for line in whole["timeline"]][:2] == ["opened", "escalated"]
    assert {clock["name"] for clock in whole["clocks"]} >= {"response", "mitigated", "post_mortem", "closed"}
    assert whole["children"][0]["severity"] == {"scheme": "p0p3", "value": "P1"}


async def told(notifier: Running, path: str) -> dict[str, Any]:
    whole: dict[str, Any] = (await notifier.ask("GET", path)).json()
    return whole


BAD: list[bytes | None] = [
    None,
    b"",
    b"{}",
    b"[]",
    b"\xff\xfe",
    b"[" * 100_000,
    alert("x").model_dump_json().replace('"severity":1', '"severity":"P1"').encode(),
    alert("x").model_dump_json().replace('"severity":1', '"severity":7').encode(),
    alert("x").model_dump_json().replace('"runbook":null', '"runbook":"file:///etc/passwd"').encode(),
    alert("x").model_dump_json().replace('"sample_size":1000', '"sample_size":-1').encode(),
]
BAD_REQUESTS: list[tuple[str, str, bytes, int]] = [
    ("POST", "/v1/incidents/none/ack", b'{"actor": "ada"}', 404),
    ("POST", "/v1/incidents/none/resolve", b'{"actor": "ada"}', 404),
    ("POST", "/v1/incidents/%00/ack", b'{"actor": "ada"}', 404),
    ("GET", "/v1/incidents/%00", b"", 404),
    ("GET", "/v1/incidents?tenant=%00", b"", 422),
    ("GET", "/v1/incidents?after=yesterday", b"", 422),
    ("GET", "/v1/incidents?after=2026-01-01T00:00:00", b"", 422),
    ("POST", "{path}/ack", b"", 422),
    ("POST", "{path}/ack", b"[" * 10_000, 422),
    ("POST", "{path}/ack", b'{"actor": "a\\u0000b"}', 422),
    ("POST", "{path}/ack", b'{"actor": "ada", "admin": true}', 422),
    ("POST", "{path}/ack", b'{"actor": "ada", "tenant": "NOT A NAME"}', 422),
    ("POST", "{path}/ack", b" " * 100_000, 413),
    ("POST", "{path}/move", b'{"actor": "ada", "state": "forgotten"}', 422),
    ("POST", "{path}/move", b'{"actor": "ada", "state": "detected"}', 409),
    (
        "POST",
        "/v1/silences",
        b'{"matchers": [], "ends_at": "2027-01-01T00:00:00Z", "author": "a"}',
        422,
    ),
    ("DELETE", "/v1/silences/none", b"", 404),
    ("DELETE", "/v1/silences/%00", b"", 404),
    ("PUT", "{path}/ack", b"", 405),
]


async def check_bad_requests(notifier: Running, path: str) -> None:
    for method, where, body, expected in BAD_REQUESTS:
        answer = await notifier.ask(method, where.replace("{path}", path), content=body)
        assert answer.status_code == expected, (method, where, body[:60], answer.status_code, answer.text)
    async with httpx.AsyncClient(base_url=notifier.process.url) as stranger:
        for method, where in (("GET", "/v1/incidents"), ("POST", f"{path}/ack"), ("GET", "/v1/dead-letters")):
            assert (await stranger.request(method, where)).status_code == 401
    assert notifier.process.running
