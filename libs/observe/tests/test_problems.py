"""What stands in the way of an answer is an answer; what nobody foresaw stays an error."""

import httpx
import pytest
from pydantic import BaseModel
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from flyball.observe.bodies import InvalidBodyError, read
from flyball.observe.http import problem
from flyball.observe.problems import with_problems, without_nul


class Numbers(BaseModel):
    numbers: list[int]


class ClosedError(Exception):
    """A refusal of a service."""


class ClosedForGoodError(ClosedError):
    pass


async def add(request: Request) -> Response:
    given = await read(request, Numbers, 64)
    if not given.numbers:
        raise ClosedForGoodError("nothing to add")
    if given.numbers == [0]:
        raise RuntimeError("a bug")
    return JSONResponse(sum(given.numbers))


ANSWERS = {ClosedError: lambda error: problem(409, "Refused", str(error))}
OWN_WORDS = {**ANSWERS, InvalidBodyError: lambda error: problem(422, "Unreadable", error.flaw, field=error.field)}
APPLICATION = Starlette(
    routes=[
        Route("/{name}", without_nul(with_problems(add, ANSWERS)), methods=["POST"]),
        Route("/own/{name}", with_problems(add, OWN_WORDS), methods=["POST"]),
    ]
)


async def posted(path: str, body: str) -> httpx.Response:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(APPLICATION), base_url="http://service") as client:
        return await client.post(path, content=body)


@pytest.mark.parametrize(
    ("path", "body", "status", "detail"),
    [
        ("/sum", '{"numbers": [1, "x"]}', 422, "numbers.1: Input should be a valid integer"),
        ("/sum", "no", 422, "the body: Invalid JSON"),
        ("/sum", '{"numbers": []}' + " " * 64, 413, "64 bytes at most"),
        ("/sum", '{"numbers": []}', 409, "nothing to add"),
        ("/s%00m", '{"numbers": [1]}', 422, "no name holds a NUL"),
        ("/sum?of=%00", '{"numbers": [1]}', 422, "no name holds a NUL"),
        ("/own/sum", '{"numbers": [1, "x"]}', 422, "Input should be a valid integer"),
    ],
)
async def test_what_stands_in_the_way_is_told(path: str, body: str, status: int, detail: str) -> None:
    answer = await posted(path, body)
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
    assert detail in answer.json()["detail"]


async def test_an_answer_is_passed_on_and_a_bug_is_none() -> None:
    assert (await posted("/sum", '{"numbers": [1, 2]}')).json() == 3
    with pytest.raises(RuntimeError, match="a bug"):
        await posted("/sum", '{"numbers": [0]}')
