"""What people and agents do through console: it is told on in the caller's name, by whoever may, and by nobody else."""

import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from console.adapters.services import OtherService
from console.api.access import Access
from console.api.application import create_application
from console.api.autonomy import AutonomyRoutes
from console.api.decisions import DecisionRoutes
from console.api.incidents import IncidentRoutes
from console.api.reviews import ReviewRoutes
from console.api.rollouts import RolloutRoutes
from console.domain.tokens import digest_of_token, tokens_by_digest
from flyball.observe.http import problem

ROLES = ("viewer", "reviewer", "admin", "agent")
# The agent's token is good for every system here: test_bound_agents.py has those that are not.
TOKENS = {role: "agent@*" if role == "agent" else role for role in ROLES}
ACCESS = Access(
    tokens_by_digest(",".join(f"of-{name}:{role}:{digest_of_token(name)}" for name, role in TOKENS.items()))
)
DIGEST = "0" * 64
MATCHERS = [{"name": "system", "operation": "=", "value": "support"}]
REQUEST = {
    "kind": "requested",
    "action_id": "a-1",
    "system": "support",
    "release": "2.1.0",
    "action_class": "refunds",
    "operation": "refund.create",
    "target": "order/1",
    "requester": "user:bea",
    "deadline": "2026-11-21T10:00:00Z",
    "requested_at": "2026-11-21T09:00:00Z",
}
REPORT = {
    "kind": "reported",
    "action_id": "a-1",
    "system": "support",
    "end": "executed",
    "reported_at": "2026-11-21T09:00:00Z",
}
READS = [
    "/v1/autonomy",
    "/v1/autonomy/actions",
    "/v1/autonomy/actions/a-1",
    "/v1/reviews",
    "/v1/reviews/r-1",
    "/v1/incidents",
    "/v1/incidents/i-1",
    "/v1/silences",
    "/v1/dead-letters",
    "/v1/rollouts",
    "/v1/rollouts/o-1",
]
ACTS: list[tuple[str, str, dict[str, Any], str, str | None]] = [
    ("reviewer", "/v1/reviews/r-1/claim", {}, "/v1/reviews/r-1/claim", "reviewer"),
    (
        "reviewer",
        "/v1/reviews/r-1/judgment",
        {"judgment": "approve", "confidence": 4},
        "/v1/reviews/r-1/judgment",
        "reviewer",
    ),
    ("reviewer", "/v1/reviews/r-1/verdict", {"resolution": "approve"}, "/v1/reviews/r-1/verdict", "reviewer"),
    ("reviewer", "/v1/incidents/i-1/ack", {}, "/v1/incidents/i-1/ack", "actor"),
    ("reviewer", "/v1/incidents/i-1/resolve", {}, "/v1/incidents/i-1/resolve", "actor"),
    ("reviewer", "/v1/incidents/i-1/move", {"state": "closed"}, "/v1/incidents/i-1/move", "actor"),
    ("admin", "/v1/autonomy/kill", {"system": "support", "reason": "stop"}, "/v1/kill", "person"),
    ("admin", "/v1/autonomy/release", {"system": "support"}, "/v1/release", "person"),
    ("admin", "/v1/autonomy/demote", {"system": "support", "level": 1, "reason": "odd"}, "/v1/demote", "person"),
    (
        "admin",
        "/v1/autonomy/promote",
        {"system": "support", "action_class": "refunds", "evidence_epoch": "release 2.1.0"},
        "/v1/promotions",
        "person",
    ),
    ("admin", "/v1/autonomy/promotions/p-1/signatures", {}, "/v1/promotions/p-1/signatures", "person"),
    (
        "admin",
        "/v1/silences",
        {"matchers": MATCHERS, "ends_at": "2026-11-22T00:00:00Z", "comment": "move"},
        "/v1/silences",
        "author",
    ),
    (
        "admin",
        "/v1/rollouts",
        {"system": "support", "baseline": "1.4.0", "candidate": "1.5.0"},
        "/v1/rollouts",
        "requested_by",
    ),
    (
        "admin",
        "/v1/rollouts/o-1/commands",
        {"command": "pause", "epoch": 3, "reason": "look"},
        "/v1/rollouts/o-1/commands",
        "actor",
    ),
    ("admin", "/v1/rollbacks", {"system": "support", "reason": "worse", "to": "1.3.0"}, "/v1/rollbacks", "actor"),
    ("agent", "/v1/decisions", REQUEST, "/v1/decisions", None),
    ("agent", "/v1/actions/a-1/start", {"digest": DIGEST, "policy_version": 3}, "/v1/actions/a-1/start", None),
    ("agent", "/v1/actions/a-1/report", REPORT, "/v1/actions/a-1/report", None),
]
MAY = {"reviewer": {"reviewer", "admin"}, "admin": {"admin"}, "agent": {"agent", "admin"}}


class Neighbour:
    """A real HTTP application in the place of autonomy-controller and notifier."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str, Any]] = []
        self.answer: Response = JSONResponse({"items": [], "next": None})

    async def __call__(self, request: Request) -> Response:
        body = await request.body()
        path = request.scope["raw_path"].decode()
        query = f"?{request.url.query}" if request.url.query else ""
        self.asked.append((request.method, f"{path}{query}", json.loads(body) if body else None))
        return self.answer

    def other(self) -> OtherService:
        methods = ["GET", "POST", "DELETE"]
        application = Starlette(routes=[Route("/{path:path}", self.__call__, methods=methods)])
        client = httpx.AsyncClient(transport=httpx.ASGITransport(application), base_url="http://service")
        return OtherService("neighbour", client, seconds_max=1)


@pytest.fixture(scope="module")
def told() -> tuple[Neighbour, FastAPI]:
    """Making the application takes longer than all that is asked of it."""
    neighbour = Neighbour()
    kinds = (AutonomyRoutes, ReviewRoutes, DecisionRoutes, IncidentRoutes, RolloutRoutes)
    return neighbour, create_application([kind(neighbour.other()).router() for kind in kinds], ACCESS)


@pytest.fixture
def neighbour(told: tuple[Neighbour, FastAPI]) -> Neighbour:
    told[0].asked.clear()
    told[0].answer = JSONResponse({"items": [], "next": None})
    return told[0]


@pytest.fixture
async def api(told: tuple[Neighbour, FastAPI]) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(told[1], raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://console") as client:
        yield client


def of(role: str) -> dict[str, str]:
    return {"authorization": f"Bearer {role}"}


async def test_people_read_and_agents_do_not(api: httpx.AsyncClient, neighbour: Neighbour) -> None:
    for path in READS:
        answers = {role: (await api.get(path, headers=of(role))).status_code for role in (*ROLES, "nobody")}
        assert answers == {"viewer": 200, "reviewer": 200, "admin": 200, "agent": 403, "nobody": 401}, path
    assert all(method == "GET" for method, *_ in neighbour.asked)
    assert len(neighbour.asked) == 3 * len(READS)


@pytest.mark.parametrize(("role", "path", "body", "there", "field"), ACTS, ids=[path for _, path, *_ in ACTS])
async def test_an_act_is_told_on_in_the_callers_name_by_whoever_may(
    api: httpx.AsyncClient,
    neighbour: Neighbour,
    role: str,
    path: str,
    body: dict[str, Any],
    there: str,
    field: str | None,
) -> None:
    for caller in (*ROLES, "nobody"):
        neighbour.asked.clear()
        answer = await api.post(path, headers=of(caller), json=body)
        allowed = caller in MAY[role]
        assert answer.status_code == (200 if allowed else 401 if caller == "nobody" else 403), (caller, answer.text)
        assert [asked[1] for asked in neighbour.asked] == ([there] if allowed else []), caller
        if allowed and field:
            assert neighbour.asked[0][2][field] == f"user:of-{caller}"
    for name in {field, "tenant"} - {None} if field else ():
        forged = await api.post(path, headers=of("admin"), json={**body, str(name): "user:somebody"})
        assert forged.status_code == 422, f"{name} is console's to say"


async def test_who_asks_is_never_among_those_who_approve(api: httpx.AsyncClient, neighbour: Neighbour) -> None:
    for caller, requester in (("agent", "user:bea"), ("admin", "user:of-admin")):
        await api.post("/v1/decisions", headers=of(caller), json=REQUEST)
        assert neighbour.asked[-1][2]["requester"] == requester


async def test_a_silence_is_ended_by_an_admin(api: httpx.AsyncClient, neighbour: Neighbour) -> None:
    neighbour.answer = Response(status_code=204)
    for caller, status in (("viewer", 403), ("reviewer", 403), ("agent", 403), ("admin", 204)):
        assert (await api.delete("/v1/silences/s-1", headers=of(caller))).status_code == status
    assert neighbour.asked == [("DELETE", "/v1/silences/s-1?actor=user%3Aof-admin", None)]


async def test_whoever_sends_to_an_alertmanager_can_send_here(api: httpx.AsyncClient, neighbour: Neighbour) -> None:
    alerts = [{"labels": {"alertname": "x"}, "annotations": {}}]
    for caller, status in (("viewer", 403), ("reviewer", 403), ("agent", 200), ("admin", 200)):
        assert (await api.post("/api/v2/alerts", headers=of(caller), json=alerts)).status_code == status
    assert neighbour.asked == [("POST", "/api/v2/alerts", alerts)] * 2
    bad = await api.post("/api/v2/alerts", headers=of("agent"), json={"labels": {}})
    assert bad.status_code == 422


async def test_proposals_are_asked_for_in_the_name_of_who_looks(api: httpx.AsyncClient, neighbour: Neighbour) -> None:
    await api.get("/v1/reviews?reviewer=user:somebody&state=all", headers=of("viewer"))
    assert neighbour.asked[0][1] == "/v1/reviews?state=all&reviewer=user%3Aof-viewer"


async def test_what_a_client_has_is_not_sent_again(api: httpx.AsyncClient, neighbour: Neighbour) -> None:
    first = await api.get("/v1/incidents", headers=of("viewer"))
    tagged = {**of("viewer"), "if-none-match": first.headers["etag"]}
    again = await api.get("/v1/incidents", headers=tagged)
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", first.headers["etag"])
    neighbour.answer = JSONResponse({"items": [{"id": "i-1"}], "next": None})
    assert (await api.get("/v1/incidents", headers=tagged)).status_code == 200


async def test_a_conflict_keeps_its_reason(api: httpx.AsyncClient, neighbour: Neighbour) -> None:
    neighbour.answer = problem(409, "Conflict", "grace was first", reason="already_decided")
    answer = await api.post("/v1/reviews/r-1/verdict", headers=of("reviewer"), json={"resolution": "approve"})
    assert (answer.status_code, answer.json()["reason"]) == (409, "already_decided")


@pytest.mark.parametrize("given", [b"", b"{", b"[]", b"null", b"\xff", b'"x"', b"[" * 100_000, b'{"a": NaN}'])
async def test_a_bad_body_is_told_to_nobody(api: httpx.AsyncClient, neighbour: Neighbour, given: bytes) -> None:
    headers = {**of("admin"), "content-type": "application/json"}
    for _, path, body, *_ in ACTS:
        if body:
            answer = await api.post(path, headers=headers, content=given)
            assert answer.status_code in (400, 422), (path, answer.text)
            assert answer.headers["content-type"] == "application/problem+json"
    assert neighbour.asked == []


async def test_a_number_that_json_does_not_have_is_the_senders_fault(api: httpx.AsyncClient) -> None:
    asked = json.dumps({**REQUEST, "parameters": {"n": float("nan")}})
    answer = await api.post("/v1/decisions", headers={**of("agent"), "content-type": "application/json"}, content=asked)
    assert answer.status_code == 422


async def test_a_body_without_end_is_not_read(api: httpx.AsyncClient, neighbour: Neighbour) -> None:
    answer = await api.post("/v1/decisions", headers=of("agent"), content=b" " * 1_000_000)
    assert (answer.status_code, neighbour.asked) == (413, [])


@pytest.mark.parametrize("name", ["%2E%2E", "a%00b", "%C3%A4", "a%3Fb", "."])
async def test_a_name_stays_one_segment(api: httpx.AsyncClient, neighbour: Neighbour, name: str) -> None:
    answer = await api.get(f"/v1/actions/{name}", headers=of("agent"))
    for _, path, _ in neighbour.asked:
        assert path.startswith("/v1/actions/"), path
    assert answer.status_code in ((422,) if "%00" in name else (200, 404))


async def test_a_viewer_asks_the_gate_and_an_agent_does_not(api: httpx.AsyncClient, neighbour: Neighbour) -> None:
    asked = {"system": "support", "release": "1.5.0"}
    answers = {role: await api.post("/v1/gates/deploy", headers=of(role), json=asked) for role in (*ROLES, "nobody")}
    assert [answers[role].status_code for role in answers] == [200, 200, 200, 403, 401]
    whole = {**asked, "environment": "production", "actor": "user:of-viewer"}
    assert neighbour.asked[0] == ("POST", "/v1/gates/deploy", whole)


async def test_a_rollout_starts_in_the_callers_name_unless_it_is_to_wait(
    api: httpx.AsyncClient, neighbour: Neighbour
) -> None:
    proposal = {"system": "support", "baseline": "1.4.0", "candidate": "1.5.0", "policy": {"shadow": True}}
    await api.post("/v1/rollouts", headers=of("admin"), json=proposal)
    await api.post("/v1/rollouts", headers=of("admin"), json={**proposal, "start": False, "override": "an incident"})
    at_once, later = (body for _, _, body in neighbour.asked)
    assert (at_once["approved_by"], at_once["policy"]) == ("user:of-admin", {"shadow": True})
    assert ("approved_by" in later, later["override"]) == (False, "an incident")
    for odd in ({"approved_by": "user:eve"}, {"policy": {"harm_alpha": 2}}, {"policy": {"speed": 1}}):
        refused = await api.post("/v1/rollouts", headers=of("admin"), json={**proposal, **odd})
        assert refused.status_code == 422


async def test_agents_ask_which_release_serves_a_unit(api: httpx.AsyncClient, neighbour: Neighbour) -> None:
    path = "/v1/route?system=support&unit=user-1"
    answers = {role: (await api.get(path, headers=of(role))).status_code for role in (*ROLES, "nobody")}
    assert answers == {"viewer": 403, "reviewer": 403, "admin": 200, "agent": 200, "nobody": 401}
    assert neighbour.asked[0][1] == "/v1/route?system=support&environment=production&unit=user-1"
    assert (await api.get("/v1/route?system=support", headers=of("agent"))).status_code == 422
