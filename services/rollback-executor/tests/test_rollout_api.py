"""What people send over HTTP: answered, or refused with the cause, whatever it is."""

import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from rollout_stage import PROPOSAL, Stage, stage
from starlette.applications import Starlette

from rollback_executor.api import BODY_BYTES_MAX, routes

pytestmark = pytest.mark.stack
TOKEN = "token-of-a-test-on-loopback"
BODY = json.loads(PROPOSAL.model_dump_json())
stage = stage  # noqa: PLW0127 - the fixture, for this module too


@pytest.fixture
async def client(stage: Stage) -> AsyncIterator[httpx.AsyncClient]:
    application = Starlette(routes=routes(stage.database, stage.desk, TOKEN))
    headers = {"authorization": f"Bearer {TOKEN}"}
    transport = httpx.ASGITransport(application)
    async with httpx.AsyncClient(transport=transport, base_url="http://here", headers=headers) as opened:
        yield opened


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/v1/rollouts"),
        ("POST", "/v1/rollouts"),
        ("GET", "/v1/rollouts/x"),
        ("POST", "/v1/rollouts/x/commands"),
        ("POST", "/v1/rollbacks"),
        ("POST", "/v1/gates/deploy"),
        ("GET", "/v1/route"),
    ],
)
async def test_nothing_is_answered_without_the_token(client: httpx.AsyncClient, method: str, path: str) -> None:
    for header in ("", "Bearer wrong", TOKEN):
        answer = await client.request(method, path, headers={"authorization": header})
        assert answer.status_code == 401


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"system": "UPPER"}, "system"),
        ({"candidate": ""}, "candidate"),
        ({"requested_by": "ada"}, "requested_by"),
        ({"typo": 1}, "typo"),
        ({"policy": {"harm_alpah": 0.5}}, "harm_alpah"),
        ({"policy": {"harm_alpha": 0.9}}, "harm_alpha"),
        ({"policy": {"steps_basis_points": [5_000, 500]}}, "steps_basis_points"),
        ({"policy": {"steps_basis_points": [500]}}, "steps_basis_points"),
        ({"policy": {"block_seconds": 15}}, "block_seconds"),
        ({"policy": {"required_metrics": []}}, "required_metrics"),
        ({"policy": {"modes": {"errors": "sometimes"}}}, "modes"),
    ],
)
async def test_a_proposal_that_is_not_valid_names_the_field(
    client: httpx.AsyncClient, change: dict[str, Any], named: str
) -> None:
    answer = await client.post("/v1/rollouts", json={**BODY, **change})
    assert answer.status_code == 422
    assert named in answer.json()["detail"]


@pytest.mark.parametrize("body", [b"", b"null", b"[]", b"{", b'"x"', b"\xff", b'{"system": 1e999}', b"[" * 5_000])
@pytest.mark.parametrize("path", ["/v1/rollouts", "/v1/rollouts/x/commands", "/v1/rollbacks", "/v1/gates/deploy"])
async def test_what_is_no_question_is_refused(client: httpx.AsyncClient, path: str, body: bytes) -> None:
    assert (await client.post(path, content=body)).status_code == 422


async def test_bodies_have_a_bound(client: httpx.AsyncClient) -> None:
    answer = await client.post("/v1/rollbacks", content=b" " * (BODY_BYTES_MAX + 1))
    assert answer.status_code == 413


@pytest.mark.parametrize(
    "path",
    [
        "/v1/rollouts?before=x",
        "/v1/rollouts?before=99999999999999999999",
        "/v1/rollouts?system=%00",
        "/v1/rollouts/%00",
        "/v1/route?system=support",
        "/v1/route?system=support&unit=",
    ],
)
async def test_questions_that_make_no_sense_are_told(client: httpx.AsyncClient, path: str) -> None:
    assert (await client.get(path)).status_code == 422


async def test_what_is_not_there_is_not_found(client: httpx.AsyncClient) -> None:
    assert (await client.get("/v1/rollouts/none")).status_code == 404
    assert (await client.get("/v1/route?system=support&unit=u")).status_code == 404
    command = {"command": "pause", "epoch": 1, "actor": "user:ada", "reason": "x"}
    assert (await client.post("/v1/rollouts/none/commands", json=command)).status_code == 404
    rollback = {"system": "support", "actor": "user:ada", "reason": "x"}
    assert (await client.post("/v1/rollbacks", json=rollback)).status_code == 404


async def test_a_rollout_from_proposal_to_a_persons_rollback(stage: Stage, client: httpx.AsyncClient) -> None:
    refused = await client.post("/v1/rollouts", json=BODY)
    assert (refused.status_code, refused.json()["reason"]) == (409, "gate_closed")
    assert refused.json()["reasons"] == ["no budget state is known of this system: does telemetry of it arrive?"]
    await stage.budgets(accuracy="green", safety="no_data")
    proposed = await client.post("/v1/rollouts", json={**BODY, "approved_by": None}, headers={"idempotency-key": "k"})
    assert (proposed.status_code, proposed.json()["step"]) == (201, "proposed")
    assert any("safety budget has too little data" in line for line in proposed.json()["advice"])
    rollout_id, epoch = proposed.json()["rollout_id"], proposed.json()["epoch"]
    command = {"command": "approve", "epoch": epoch, "actor": "user:grace", "reason": "looks good"}
    approved = await client.post(f"/v1/rollouts/{rollout_id}/commands", json=command)
    assert (approved.status_code, approved.json()["step"]) == (200, "canary")
    again = await client.post(f"/v1/rollouts/{rollout_id}/commands", json=command)
    assert (again.status_code, again.json()["rollout"]["epoch"]) == (409, epoch + 1)
    back = await client.post("/v1/rollbacks", json={"system": "support", "actor": "user:ada", "reason": "I saw it"})
    assert (back.status_code, back.json()["step"]) == (202, "rolling_back")
    shown = (await client.get(f"/v1/rollouts/{rollout_id}")).json()
    assert [change["actor"] for change in shown["changes"]] == ["user:ada", "user:grace", "user:grace", "user:ada"]
    listed = (await client.get("/v1/rollouts?system=support&open=true")).json()
    assert [item["rollout_id"] for item in listed["items"]] == [rollout_id]
    routed = (await client.get("/v1/route?system=support&unit=user-1")).json()
    assert routed["release"] == BODY["baseline"]


async def test_the_gate_names_what_its_answer_rests_on(stage: Stage, client: httpx.AsyncClient) -> None:
    asked = {"system": "support", "release": "1.5.0", "actor": "user:ci"}
    unknown = (await client.post("/v1/gates/deploy", json=asked)).json()
    assert (unknown["open"], unknown["as_of"], unknown["budgets"]) == (False, None, [])
    await stage.budgets(accuracy="green")
    known = (await client.post("/v1/gates/deploy", json=asked)).json()
    assert (known["open"], known["reasons"]) == (True, [])
    (budget,) = known["budgets"]
    assert (budget["dimension"], budget["zone"], budget["remaining_ppm"]) == ("accuracy", "green", 1_000_000)
