"""A recorded decision is decided again by what it was decided from, or it is said why not."""

import httpx
import pytest
from starlette.applications import Starlette
from starlette.routing import Route

from flyball.observe.decisions import decided_again


async def asked(body: bytes) -> httpx.Response:
    endpoint = decided_again("budget.zone", lambda inputs: str(inputs["zone"]).upper(), 100)
    application = Starlette(routes=[Route("/", endpoint, methods=["POST"])])
    async with httpx.AsyncClient(transport=httpx.ASGITransport(application), base_url="http://here") as client:
        return await client.post("/", content=body)


async def test_the_inputs_alone_decide() -> None:
    answer = await asked(b'{"kind": "budget.zone", "inputs": {"zone": "red"}}')
    assert (answer.status_code, answer.json()) == (200, {"decision": "RED"})


@pytest.mark.parametrize(
    ("body", "status", "said"),
    [
        (b'{"kind": "drift.level", "inputs": {}}', 422, "this service decides budget.zone, not drift.level"),
        (b'{"kind": "budget.zone", "inputs": {}}', 422, "not of this release"),
        (b'{"kind": "budget.zone"', 422, "not of this release"),
        (b"[]", 422, "not of this release"),
        (b" " * 101, 413, "100"),
    ],
)
async def test_what_cannot_be_decided_is_said(body: bytes, status: int, said: str) -> None:
    answer = await asked(body)
    assert answer.status_code == status
    assert said in answer.json()["detail"]
