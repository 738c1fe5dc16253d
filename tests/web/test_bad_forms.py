"""Bad input in every form and address of the pages: refused with a reason, and nothing is stored."""

import re
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import pytest_asyncio

from tests.web.standing import Standing
from tests.web.test_access_matrix import csrf_in, signed_in_as

pytestmark = [pytest.mark.stack, pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(600)]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def reviewer(console: Standing) -> AsyncIterator[httpx.AsyncClient]:
    """Signed in once: tries are counted."""
    async with signed_in_as(console, "reviewer") as client:
        yield client


async def open_review(client: httpx.AsyncClient) -> tuple[str, str]:
    """The last of the queue, which no other test answers, and the field that its forms carry."""
    page = (await client.get("/reviews")).text
    return re.findall(r'href="(/reviews/[^"]+)"', page)[-1], csrf_in(page)


@pytest.mark.parametrize(
    ("form", "given", "status"),
    [
        ("verdict", {}, 422),
        ("verdict", {"resolution": "maybe"}, 422),
        ("verdict", {"resolution": "reject", "comment": "  "}, 422),
        ("verdict", {"resolution": "approve", "comment": "x" * 1_025}, 422),
        ("verdict", {"resolution": "approve", "comment": "x" * 300_000}, 413),
        ("judgment", {"judgment": "approve"}, 422),
        ("judgment", {"judgment": "approve", "confidence": "9"}, 422),
        ("judgment", {"judgment": "\0", "confidence": "1"}, 422),
    ],
)
async def test_a_bad_answer_is_refused_on_the_page(
    console: Standing, reviewer: httpx.AsyncClient, form: str, given: dict[str, Any], status: int
) -> None:
    async with console.api("viewer") as api:
        path, csrf = await open_review(reviewer)
        before = (await api.get(f"/v1{path}")).json()
        answer = await reviewer.post(f"{path}/{form}", data={**given, "csrf": csrf})
        assert (answer.status_code, answer.headers["content-type"]) == (status, "text/html; charset=utf-8")
        assert (await api.get(f"/v1{path}")).json()["changed_at"] == before["changed_at"]


@pytest.mark.parametrize(
    ("address", "status"),
    [
        ("/systems/nobody", 404),
        ("/systems/%00", 422),
        ("/reviews/nothing", 404),
        ("/reviews/..%2F..%2Fkill", 404),
        ("/drift/card-fraud/nothing", 404),
        ("/drift?system=" + "x" * 64, 422),
        ("/audit?before=soon", 422),
        ("/audit?before=0", 422),
        ("/audit/nothing", 404),
        ("/audit?text=%3Cscript%3Ealert(1)%3C%2Fscript%3E", 200),
        ("/changes", 422),
        ("/static/0/../../settings.py", 404),
    ],
)
async def test_an_address_that_leads_nowhere_says_so(reviewer: httpx.AsyncClient, address: str, status: int) -> None:
    answer = await reviewer.get(address)
    assert answer.status_code == status
    assert "<script>alert" not in answer.text


async def test_a_form_that_came_from_elsewhere_signs_nobody_in(console: Standing) -> None:
    async with httpx.AsyncClient(base_url=console.url, trust_env=False) as client:
        without_cookie = await client.post("/sign-in", data={"csrf": "x", "token": "token-of-admin"})
        form = csrf_in((await client.get("/sign-in")).text)
        as_file = await client.post("/sign-in", files={"csrf": ("csrf", form.encode())})
        other = await client.post("/sign-in", data={"csrf": form[:-1] + "-", "token": "token-of-admin"})
    assert [answer.status_code for answer in (without_cookie, as_file, other)] == [403, 403, 403]
