"""Answers that a client has already need not be sent again: ETag and If-None-Match, so that polling is cheap."""

from hashlib import sha256
from http import HTTPStatus

from fastapi import Request
from starlette.responses import Response

TAG_CHARACTERS = 32


def unless_known(request: Request, response: Response) -> Response:
    """The answer with its tag; 304 without a body where the client has named this tag."""
    if response.status_code != HTTPStatus.OK:
        return response
    tag = f'"{sha256(bytes(response.body)).hexdigest()[:TAG_CHARACTERS]}"'
    # What a person sees depends on who it is, so nobody between us keeps it.
    headers = {"ETag": tag, "Cache-Control": "private, no-cache"}
    known = [each.strip().removeprefix("W/") for each in request.headers.get("if-none-match", "").split(",")]
    if tag in known or "*" in known:
        return Response(status_code=HTTPStatus.NOT_MODIFIED, headers=headers)
    response.headers.update(headers)
    return response
