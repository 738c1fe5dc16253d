"""An agent's token is good for its own systems: of others it asks, sends, starts, reports and learns nothing."""

import json
from collections.abc import AsyncIterator, Sequence
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
from console.api.decisions import DecisionRoutes
from console.api.events import EventLimits, EventRoutes
from console.api.incidents import IncidentRoutes
from console.api.rollouts import RolloutRoutes
from console.domain.tokens import digest_of_token, tokens_by_digest
from flyball.observe.http import problem
from flyball.store.ports import Outgoing

ROLES = {"support": "agent", "search-and-pay": "agent@search+pay", "gateway": "agent@*", "ada": "admin"}
ACCESS = Access(tokens_by_digest(",".join(f"{name}:{role}:{digest_of_token(name)}" for name, role in ROLES.items())))
TIME = "2026-11-21T09:00:00Z"
EVENT = {"subject": "support", "data": {}}
REQUEST = {
    "kind": "requested",
    "action_id": "a-1",
    "system": "support",
    "release": "2.1.0",
    "action_class": "refunds",
    "operation": "refund.create",
    "target": "order/1",
    "deadline": TIME,
    "requested_at": TIME,
}
REPORT = {"kind": "reported", "action_id": "a-1", "system": "support", "end": "executed", "reported_at": TIME}
START = {"digest": "0" * 64, "policy_version": 3}
ALERT = {"labels": {"alertname": "slow", "system": "support"}, "annotations": {}}
ASKED: list[tuple[str, str, Any]] = [
    ("POST", "/v1/decisions", REQUEST),
    ("GET", "/v1/actions/a-1", None),
    ("POST", "/v1/actions/a-1/start", START),
    ("POST", "/v1/actions/a-1/report", REPORT),
    ("POST", "/v1/events", EVENT),
    ("POST", "/api/v2/alerts", [ALERT]),
    ("GET", "/v1/route?system=support&unit=user-1", None),
]
"""All that agents may: ``tests/web/test_access_matrix.py`` says so of the whole application."""


class Controller:
    """A real HTTP application in the place of the services behind console: it knows one action, of support."""

    def __init__(self) -> None:
        self.told: list[str] = []

    async def __call__(self, request: Request) -> Response:
        if request.method == "POST" or request.url.path == "/v1/route":
            self.told.append(request.url.path)
            return JSONResponse({})
        if request.url.path != "/v1/actions/a-1":
            return problem(404, "Not found", "no such action: ask for a decision first", reason="not_found")
        return JSONResponse({"state": "allowed", "decision": {"tenant": "default", "system": "support"}})

    def other(self) -> OtherService:
        application = Starlette(routes=[Route("/{path:path}", self.__call__, methods=["GET", "POST"])])
        client = httpx.AsyncClient(transport=httpx.ASGITransport(application), base_url="http://service")
        return OtherService("controller", client, seconds_max=1)


class Topic:
    def __init__(self) -> None:
        self.published: list[Outgoing] = []

    async def publish(self, messages: Sequence[Outgoing]) -> None:
        self.published += messages


@pytest.fixture(scope="module")
def behind() -> tuple[Controller, Topic, FastAPI]:
    controller, topic = Controller(), Topic()
    kinds = (DecisionRoutes, IncidentRoutes, RolloutRoutes)
    events = EventRoutes(topic, EventLimits(5_000_000, 100, 8, 1.0))
    return (
        controller,
        topic,
        create_application([*(kind(controller.other()).router() for kind in kinds), events.router()], ACCESS),
    )


@pytest.fixture
async def api(behind: tuple[Controller, Topic, FastAPI]) -> AsyncIterator[httpx.AsyncClient]:
    controller, topic, application = behind
    controller.told.clear()
    topic.published.clear()
    transport = httpx.ASGITransport(application, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://console") as client:
        yield client


def of(name: str) -> dict[str, str]:
    return {"authorization": f"Bearer {name}", "content-type": "application/json"}


@pytest.mark.parametrize(("method", "path", "body"), ASKED, ids=[path for _, path, _ in ASKED])
async def test_of_another_agents_system_nothing_is_done_and_nothing_told(
    api: httpx.AsyncClient, behind: tuple[Controller, Topic, FastAPI], method: str, path: str, body: Any
) -> None:
    controller, topic, _ = behind
    for name in ("support", "gateway", "ada"):
        assert (await api.request(method, path, headers=of(name), json=body)).is_success, name
    controller.told.clear()
    topic.published.clear()
    refused = await api.request(method, path, headers=of("search-and-pay"), json=body)
    hidden = path.startswith("/v1/actions/") and body is not REPORT
    assert refused.status_code == (404 if hidden else 403)
    assert refused.json()["reason"] == ("not_found" if hidden else "not_its_system")
    assert (controller.told, topic.published) == ([], [])


async def test_another_agents_action_is_as_one_that_is_not_there(api: httpx.AsyncClient) -> None:
    others = await api.get("/v1/actions/a-1", headers=of("search-and-pay"))
    nobodys = await api.get("/v1/actions/a-2", headers=of("search-and-pay"))
    assert (others.status_code, others.json()) == (nobodys.status_code, nobodys.json())


async def test_a_report_in_ones_own_name_ends_no_other_agents_action(
    api: httpx.AsyncClient, behind: tuple[Controller, Topic, FastAPI]
) -> None:
    said = {**REPORT, "system": "search"}
    refused = await api.post("/v1/actions/a-1/report", headers=of("search-and-pay"), json=said)
    assert (refused.status_code, behind[0].told) == (404, [])


@pytest.mark.parametrize(
    "tenant_of", [lambda body: {**body, "tenant": "acme"}, lambda body: {**body, "tenant": "default"}]
)
async def test_a_bound_token_is_bound_to_its_tenant(api: httpx.AsyncClient, tenant_of: Any) -> None:
    asked = tenant_of(REQUEST)
    allowed = asked["tenant"] == "default"
    for path, body in (("/v1/decisions", asked), ("/v1/events", tenant_of(EVENT))):
        assert (await api.post(path, headers=of("support"), json=body)).is_success == allowed, path
        assert (await api.post(path, headers=of("gateway"), json=body)).is_success, path


LONG = "x" * 1_100_000
HUGE_NUMBER = "1" * 5_000


@pytest.mark.parametrize(
    "event",
    [
        b"not json",
        b'{"data": {}}',
        b'{"subject": 7}',
        b'{"subject": "search", "n": "%s", "subject": "support"}' % LONG.encode(),
        b'{"n": "%s", "subject": "support"}' % LONG.encode(),
        b'{"subject": "support", "n": "%s", "tenant": "acme"}' % LONG.encode(),
        b'{"subject": "support", "n": %s, "tenant": "acme"}' % HUGE_NUMBER.encode(),
        b'{"subject": "support", "ten\\u0061nt": "acme"}',
        b'{"subject": "support", "tenant": null}',
    ],
    ids=range(9),
)
async def test_an_event_that_may_count_for_another_is_refused_and_the_rest_with_it(
    api: httpx.AsyncClient, behind: tuple[Controller, Topic, FastAPI], event: bytes
) -> None:
    lines = b"\n".join([json.dumps(EVENT).encode(), event])
    headers = {**of("support"), "content-type": "application/x-ndjson"}
    refused = await api.post("/v1/events", headers=headers, content=lines)
    assert (refused.status_code, refused.json()["reason"]) == (403, "not_its_system")
    assert "event 1 is about" in refused.json()["detail"]
    assert behind[1].published == []


@pytest.mark.parametrize(
    "labels", [{}, {"service": "support"}, {"system": "search", "service": "support"}, {"system": ""}, [], None]
)
async def test_an_alert_of_a_bound_token_names_its_system(api: httpx.AsyncClient, labels: Any) -> None:
    alerts = [ALERT, {"labels": labels}]
    refused = await api.post("/api/v2/alerts", headers=of("support"), json=alerts)
    assert refused.status_code == 403
    assert "alert 1 is about" in refused.json()["detail"]
