"""Recorded decisions, decided again: what their inputs call for by the code that runs today."""

import json
from collections.abc import Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from flyball.observe.bodies import body_of
from flyball.observe.http import Endpoint, problem
from flyball.observe.problems import with_problems


def decided_again(kind: str, decide_again: Callable[[dict[str, Any]], str], bytes_max: int) -> Endpoint:
    """The endpoint of a service that puts decisions of one ``kind`` on the record."""

    async def endpoint(request: Request) -> Response:
        body = await body_of(request, bytes_max)
        try:
            asked = json.loads(body)
            if asked["kind"] != kind:
                return problem(422, "Unknown decision", f"this service decides {kind}, not {str(asked['kind'])[:64]}")
            return JSONResponse({"decision": decide_again(asked["inputs"])})
        except (KeyError, TypeError, ValueError) as error:
            return problem(422, "Unreadable inputs", f"they are not of this release: {str(error)[:200]}")

    return with_problems(endpoint)
