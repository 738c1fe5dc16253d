"""Every route and method of console, tried by every role, by no one, by an expired token, and by an agent."""

import re
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
from fastapi.routing import iter_route_contexts

from console.api.access import DOCUMENT, Public, TokenRequired, declarations
from console.app import application, service
from console.domain.roles import Caller, Role
from console.pages.access import SessionRequired
from console.settings import Settings
from tests.web.standing import PASSWORD, PEOPLE, TOKENS, Standing

pytestmark = [pytest.mark.stack, pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(600)]
ASKERS = ("nobody", "expired", "agent", "viewer", "reviewer", "admin")
REFUSED = {401, 403}


def declared(console: Standing) -> Iterator[tuple[str, str, Any]]:
    """Method, path and declaration of each route, from an application made as in production, serving nobody."""
    settings = Settings.from_environment({**console.environment, "FLYBALL_HTTP_PORT": "0"})
    nobody: Any = None
    made = application(settings, service(settings), nobody, nobody, _Nobody(), nobody)
    for route in iter_route_contexts(made.routes):
        if route.path and route.path != DOCUMENT:
            (found,) = declarations(route.dependant)
            for method in sorted(route.methods or ()):
                yield method, route.path, found


class _Nobody(dict[str, Any]):
    def __missing__(self, key: str) -> Any:
        return None


def filled(path: str) -> str:
    return re.sub(r"{[^}]+}", "nothing", path)


async def test_each_role_gets_exactly_where_it_may(console: Standing) -> None:
    routes = [route for route in declared(console) if isinstance(route[2], TokenRequired)]
    assert len(routes) > 30
    wrong = []
    for asker in ASKERS:
        async with console.api(asker) as api:
            for method, path, declaration in routes:
                if path == "/v1/budgets/live" and _may(asker, declaration.role):
                    continue
                answer = await api.request(method, filled(path), content=b"{")
                refused = answer.status_code in REFUSED
                expected = 401 if asker in ("nobody", "expired") else 403
                if refused == _may(asker, declaration.role) or (refused and answer.status_code != expected):
                    wrong.append((asker, method, path, answer.status_code))
    assert wrong == []


def _may(asker: str, needed: Role) -> bool:
    return asker in set(Role) and Caller("x", Role(asker)).may(needed)


async def test_agents_send_events_and_alerts_and_ask_for_decisions_and_routes_and_nothing_else(
    console: Standing,
) -> None:
    reached = {
        path for _, path, found in declared(console) if isinstance(found, TokenRequired) and found.role == "agent"
    }
    assert reached == {
        "/v1/events",
        "/v1/decisions",
        "/v1/actions/{action_id}",
        "/v1/actions/{action_id}/start",
        "/v1/actions/{action_id}/report",
        "/v1/route",
        "/api/v2/alerts",
    }


async def test_no_page_opens_for_a_token_or_for_nobody(console: Standing) -> None:
    pages = [(m, p) for m, p, found in declared(console) if isinstance(found, SessionRequired)]
    assert len(pages) > 8
    for asker in ASKERS:
        async with console.api(asker) as api:
            for method, path in pages:
                answer = await api.request(method, filled(path))
                assert (answer.status_code, answer.headers["location"][:8]) == (303, "/sign-in"), (asker, method, path)


async def test_what_is_open_to_all_knows_nothing(console: Standing) -> None:
    opened = {(m, p) for m, p, found in declared(console) if isinstance(found, Public)}
    assert opened == {("GET", "/sign-in"), ("POST", "/sign-in"), ("GET", "/static/{digest}/{name:path}")}


@asynccontextmanager
async def signed_in_as(console: Standing, role: str) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=console.url, trust_env=False, timeout=30) as client:
        await _sign_in(client, role)
        yield client


async def _sign_in(client: httpx.AsyncClient, role: str) -> None:
    form = (await client.get("/sign-in")).text
    given = {"csrf": csrf_in(form), "name": PEOPLE[role], "password": PASSWORD, "next": "/"}
    answer = await client.post("/sign-in", data=given)
    assert answer.status_code == 303, answer.text


def csrf_in(page: str) -> str:
    found = re.search(r'name="csrf" value="([^"]+)"', page)
    assert found
    return found.group(1)


@pytest.mark.parametrize("role", ["viewer", "reviewer", "admin"])
async def test_each_form_wants_the_role_and_its_own_csrf_field(console: Standing, role: str) -> None:
    forms = [(p, f.role) for m, p, f in declared(console) if isinstance(f, SessionRequired) and m == "POST"]
    async with signed_in_as(console, role) as client:
        csrf = csrf_in((await client.get("/")).text)
        for path, needed in forms:
            without = await client.post(filled(path), data={})
            forged = await client.post(filled(path), data={"csrf": csrf[:-1] + "x"})
            assert (without.status_code, forged.status_code) == (403, 403), path
            if path != "/sign-out":
                right = await client.post(filled(path), data={"csrf": csrf})
                assert (right.status_code == 403) != Caller("x", Role(role)).may(needed), (path, right.status_code)
        assert (await client.post("/sign-out", data={"csrf": csrf})).headers["location"] == "/sign-in"
        assert (await client.get("/")).status_code == 303


@pytest.mark.parametrize(
    "given",
    [{"token": TOKENS["agent"]}, {"token": TOKENS["expired"]}, {"token": "x"}, {"name": "ada", "password": "x"}],
)
async def test_who_is_no_person_known_here_does_not_get_in(console: Standing, given: dict[str, str]) -> None:
    async with httpx.AsyncClient(base_url=console.url, trust_env=False) as client:
        csrf = csrf_in((await client.get("/sign-in")).text)
        answer = await client.post("/sign-in", data={"csrf": csrf, **given})
    assert answer.status_code == 401
    assert "flyball_session" not in answer.headers.get("set-cookie", "")


async def test_tries_to_sign_in_are_counted(console: Standing) -> None:
    async with httpx.AsyncClient(base_url=console.url, trust_env=False, timeout=30) as client:
        csrf = csrf_in((await client.get("/sign-in")).text)
        given = {"csrf": csrf, "name": "mallory", "password": "x"}
        statuses = [(await client.post("/sign-in", data=given)).status_code for _ in range(11)]
    assert statuses == [401] * 10 + [429]


async def test_a_cookie_is_strict_and_every_answer_is_guarded(console: Standing) -> None:
    async with signed_in_as(console, "viewer") as client:
        page = await client.get("/")
        api = await client.get("/v1/systems")
    for answer in (page, api):
        assert "script-src 'self'" in answer.headers["content-security-policy"]
        assert "unsafe" not in answer.headers["content-security-policy"]
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["cache-control"] == "no-store"
    assert api.status_code == 401, "a session is no token"
    async with httpx.AsyncClient(base_url=console.url, trust_env=False) as client:
        cookie = (await client.get("/sign-in")).headers["set-cookie"].lower()
    assert all(part in cookie for part in ("httponly", "samesite=strict", "path=/"))


async def test_who_asked_for_an_action_cannot_approve_it(console: Standing) -> None:
    async with console.api("admin") as admin, console.api("reviewer") as other:
        asked = {
            "kind": "requested", "action_id": "own-action", "system": "support-agent", "release": "2.0.3",
            "action_class": "refunds", "operation": "refund.create", "target": "order/1",
            "deadline": "2099-01-01T00:00:00Z", "requested_at": "2026-11-21T00:00:00Z",
        }  # fmt: skip
        decided = (await admin.post("/v1/decisions", json=asked)).json()
        path = f"/v1/reviews/{decided['review_id']}"
        await admin.post(f"{path}/judgment", json={"judgment": "approve", "confidence": 5})
        own = await admin.post(f"{path}/verdict", json={"resolution": "approve"})
        assert (own.status_code, own.json()["reason"]) == (409, "excluded")
        await other.post(f"{path}/judgment", json={"judgment": "approve", "confidence": 5})
        assert (await other.post(f"{path}/verdict", json={"resolution": "approve"})).status_code == 200
