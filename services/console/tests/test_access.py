"""Default deny: a route that does not say who may use it cannot be served."""

from typing import Annotated

import httpx
import pytest
from fastapi import APIRouter

from console.api.access import Access, public, requires
from console.api.application import create_application
from console.domain.roles import Caller, Role
from console.domain.tokens import digest_of_token, tokens_by_digest

ROLES = ("viewer", "reviewer", "admin", "agent")
ACCESS = Access(tokens_by_digest(",".join(f"of-{role}:{role}:{digest_of_token(role)}" for role in ROLES)))


def router_of(*declared: object) -> APIRouter:
    router = APIRouter()

    @router.post("/v1/thing", dependencies=list(declared))
    async def thing() -> str:
        return "done"

    return router


@pytest.mark.parametrize("declared", [[], [requires("viewer"), requires("admin")], [public(), requires("viewer")]])
def test_a_route_must_declare_exactly_one_role(declared: list[object]) -> None:
    with pytest.raises(TypeError, match=r"thing.* must declare one"):
        create_application([router_of(*declared)], ACCESS)


def test_a_role_that_does_not_exist_cannot_be_required() -> None:
    with pytest.raises(ValueError, match="root"):
        requires("root")


@pytest.mark.parametrize("needed", ROLES)
async def test_each_role_gets_in_where_it_may_and_is_told_why_where_not(needed: str) -> None:
    application = create_application([router_of(requires(needed))], ACCESS)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(application), base_url="http://console") as client:
        for role in ROLES:
            answer = await client.post("/v1/thing", headers={"Authorization": f"Bearer {role}"})
            assert (answer.status_code == 200) == Caller("x", Role(role)).may(Role(needed)), (needed, role)
            assert answer.status_code in (200, 403)
        assert "of-agent has the role agent" in answer.text or needed == "agent"
        assert (await client.post("/v1/thing")).status_code == 401


@pytest.mark.parametrize("address", ["/v1/th%00ing", "/v1/thing?system=%00"])
async def test_an_address_with_a_nul_is_refused_before_anybody_is_asked(address: str) -> None:
    application = create_application([router_of(requires("viewer"))], ACCESS)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(application), base_url="http://console") as client:
        answer = await client.get(address)
    assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json")


async def test_the_caller_is_handed_to_the_route() -> None:
    router = APIRouter()

    @router.get("/v1/me")
    async def me(caller: Annotated[Caller, requires("viewer")]) -> str:
        return f"{caller.actor} {caller.role}"

    application = create_application([router], ACCESS)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(application), base_url="http://console") as client:
        answer = await client.get("/v1/me", headers={"Authorization": "Bearer reviewer"})
    assert answer.json() == "user:of-reviewer reviewer"
