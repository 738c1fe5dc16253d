"""What goes wrong on a page is told on a page; what goes wrong in the API stays a problem document."""

import json
from collections.abc import Awaitable, Callable
from typing import Any

from fastapi import FastAPI, Request
from starlette.responses import RedirectResponse, Response

from console.pages.access import SignInNeededError
from console.pages.templating import Templates

API_PREFIXES = ("/v1/", "/openapi.json")
Handler = Callable[[Request, Exception], Any]


def install(application: FastAPI, templates: Templates) -> None:
    """Call it after the API's own handlers were added."""
    for kind, handler in list(application.exception_handlers.items()):
        if kind is not Exception:
            application.exception_handlers[kind] = _on_pages(handler, templates)
    application.add_exception_handler(SignInNeededError, _sign_in)


def _on_pages(handler: Handler, templates: Templates) -> Callable[[Request, Exception], Awaitable[Response]]:
    async def answer(request: Request, error: Exception) -> Response:
        response: Response = handler(request, error)
        if isinstance(response, Awaitable):
            response = await response
        if request.url.path.startswith(API_PREFIXES):
            return response
        told = json.loads(bytes(response.body))
        page = templates.page(request, "failure.html", None, {"told": told}, response.status_code)
        if "retry-after" in response.headers:
            page.headers["Retry-After"] = response.headers["retry-after"]
        return page

    return answer


async def _sign_in(_: Request, error: Exception) -> Response:
    assert isinstance(error, SignInNeededError)  # noqa: S101
    return RedirectResponse(error.url, 303)
