"""Answers of other services: passed on, and honest when there is none."""

import asyncio
from collections.abc import AsyncIterator, Callable

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from console.adapters import services
from console.adapters.services import OtherService, UnreachableError
from console.api.access import Access
from console.api.application import create_application
from console.api.relayed import RelayedRoutes
from console.domain.tokens import digest_of_token, tokens_by_digest
from flyball.observe.http import problem

ACCESS = Access(tokens_by_digest(f"ada:viewer:{digest_of_token('token')}"))
Answer = Callable[[Request], Response]


class Service:
    """A real HTTP application in the place of another service; ``answer`` decides what it says."""

    def __init__(self) -> None:
        self.answer: Answer = lambda _: JSONResponse({"items": [], "next": None})
        self.asked: list[str] = []

    async def __call__(self, request: Request) -> Response:
        self.asked.append(f"{request.url.path}?{request.url.query}")
        if request.url.path == "/v1/slow":
            await asyncio.sleep(60)
        return self.answer(request)

    def other(self) -> OtherService:
        application = Starlette(routes=[Route("/{path:path}", self.__call__)])
        client = httpx.AsyncClient(transport=httpx.ASGITransport(application), base_url="http://service")
        return OtherService("budget-ledger", client, seconds_max=0.2)


@pytest.fixture
def service() -> Service:
    return Service()


@pytest.fixture
async def api(service: Service) -> AsyncIterator[httpx.AsyncClient]:
    application = create_application([RelayedRoutes(service.other(), service.other()).router()], ACCESS)
    headers = {"Authorization": "Bearer token"}
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(application), base_url="http://console", headers=headers
    ) as client:
        yield client


async def test_an_answer_is_passed_on_as_it_is(api: httpx.AsyncClient, service: Service) -> None:
    service.answer = lambda _: Response(b'{"items": [ 1.0 ], "more": 1}', media_type="application/json")
    answer = await api.get("/v1/totals", params={"system": "support", "after": "a"})
    assert answer.content == b'{"items": [ 1.0 ], "more": 1}'
    assert service.asked == ["/v1/totals?system=support&after=a"]


async def test_a_problem_of_the_other_service_stays_its_own(api: httpx.AsyncClient, service: Service) -> None:
    service.answer = lambda _: problem(404, "Not found", "support has no budget 'speed'")
    answer = await api.get("/v1/budgets/support/explain", params={"dimension": "speed"})
    assert (answer.status_code, answer.json()["detail"]) == (404, "support has no budget 'speed'")


async def test_one_system_is_the_first_item_of_its_page(api: httpx.AsyncClient, service: Service) -> None:
    states = {"tenant": "default", "system": "support", "as_of": None, "worst": "no_data", "budgets": []}
    service.answer = lambda _: JSONResponse({"items": [states], "next": None})
    assert (await api.get("/v1/budgets/support")).json() == states
    service.answer = lambda _: JSONResponse({"items": [], "next": None})
    assert (await api.get("/v1/budgets/support")).status_code == 404
    service.answer = lambda _: JSONResponse({"items": "?"})
    assert (await api.get("/v1/budgets/support")).status_code == 502


@pytest.mark.parametrize("status", [401, 403, 400, 302])
async def test_a_refusal_is_not_the_callers_fault(api: httpx.AsyncClient, service: Service, status: int) -> None:
    service.answer = lambda _: Response("no", status)
    answer = await api.get("/v1/budgets")
    assert (answer.status_code, answer.headers["content-type"]) == (502, "application/problem+json")


async def test_a_service_that_fails_is_unknown_since_its_first_failure(
    api: httpx.AsyncClient, service: Service
) -> None:
    service.answer = lambda _: Response("oh", 500)
    first = await api.get("/v1/totals")
    second = await api.get("/v1/totals")
    assert first.status_code == 503
    assert first.json()["title"].startswith("budget-ledger is unreachable (unknown since 2")
    assert "flyball doctor" in first.json()["detail"]
    assert second.json()["unknown_since"] == first.json()["unknown_since"]
    assert first.headers["retry-after"] == "2"


async def test_silence_is_over_with_the_first_answer(service: Service) -> None:
    other = service.other()
    service.answer = lambda _: Response("oh", 500)
    with pytest.raises(UnreachableError):
        await other.ask("/v1/totals", {})
    assert other.unknown_since is not None
    service.answer = lambda _: Response("{}")
    await other.ask("/v1/totals", {})
    assert other.unknown_since is None


async def test_a_slow_service_and_an_endless_answer_count_as_away(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(UnreachableError, match="TimeoutError"):
        await service.other().ask("/v1/slow", {})
    monkeypatch.setattr(services, "ANSWER_BYTES_MAX", 10)
    with pytest.raises(UnreachableError, match="longer than 10 bytes"):
        await service.other().ask("/v1/totals", {})


async def test_nobody_listens_at_the_address() -> None:
    async with services.open_service("telemetry-ingest", "http://127.0.0.1:1", "token", 1.0) as other:
        with pytest.raises(UnreachableError, match="telemetry-ingest is unreachable"):
            await other.ask("/v1/totals", {})


@pytest.mark.parametrize("path", ["/v1/totals", "/v1/budgets", "/v1/budgets/support", "/v1/budgets/support/explain"])
async def test_without_a_known_token_nothing_is_asked(api: httpx.AsyncClient, service: Service, path: str) -> None:
    answer = await api.get(path, headers={"Authorization": "Bearer other"})
    assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")
    assert service.asked == []
