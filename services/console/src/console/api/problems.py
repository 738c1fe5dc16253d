"""Everything that is not an answer is an RFC 9457 problem that names the cause and the next step."""

from collections.abc import Mapping
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from console.adapters.services import UnreachableError
from flyball.observe.http import PROBLEM, problem
from flyball.store.errors import Transient

RETRY_AFTER_SECONDS = 2


class FieldError(BaseModel):
    """What is wrong in one place of a request; ``field`` is a dotted path, empty for the whole."""

    field: str
    detail: str


class Problem(BaseModel):
    """RFC 9457."""

    type: str
    status: int
    title: str
    detail: str
    errors: list[FieldError] = []
    service: str | None = None
    unknown_since: str | None = None


class ProblemError(Exception):
    """Ends a request with this problem."""

    def __init__(
        self, status: int, title: str, detail: str, headers: Mapping[str, str] | None = None, **extra: object
    ) -> None:
        super().__init__(detail)
        self.status, self.title, self.detail = status, title, detail
        self.headers = dict(headers or {})
        self.extra = extra


def busy(title: str, detail: str, retry_after_seconds: int = RETRY_AFTER_SECONDS) -> ProblemError:
    """503: the same request may succeed a little later."""
    return ProblemError(503, title, detail, {"Retry-After": str(retry_after_seconds)})


def field_errors(error: ValidationError | RequestValidationError) -> list[dict[str, str]]:
    """Each error with its dotted path, a hundred at most."""
    return [
        {"field": ".".join(str(step) for step in item["loc"])[:256], "detail": item["msg"][:1_024]}
        for item in error.errors()[:100]
    ]


def documented(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The problems of an operation, for OpenAPI; 401 and 403 are among those of each."""
    return {
        status: {"model": Problem, "content": {PROBLEM: {"schema": {"$ref": "#/components/schemas/Problem"}}}}
        for status in (401, 403, *statuses)
    }


def install(application: FastAPI) -> None:
    """Answer every error of ``application`` with a problem."""
    application.add_exception_handler(ProblemError, _problem)
    application.add_exception_handler(UnreachableError, _unreachable)
    application.add_exception_handler(Transient, _away)
    application.add_exception_handler(RequestValidationError, _invalid)
    application.add_exception_handler(HTTPException, _http)
    application.add_exception_handler(Exception, _bug)


def _problem(_: Request, error: Exception) -> Response:
    assert isinstance(error, ProblemError)  # noqa: S101
    response = problem(error.status, error.title, error.detail, **error.extra)
    response.headers.update(error.headers)
    return response


def _unreachable(_: Request, error: Exception) -> Response:
    assert isinstance(error, UnreachableError)  # noqa: S101
    since = f"{error.since:%Y-%m-%dT%H:%M:%SZ}"
    detail = f"{error.cause}. Look at {error.service}'s /ready and at its log, or run `flyball doctor`; then try again."
    title = f"{error.service} is unreachable (unknown since {since})"
    response = problem(503, title, detail, service=error.service, unknown_since=since)
    response.headers["Retry-After"] = str(RETRY_AFTER_SECONDS)
    return response


def _away(request: Request, error: Exception) -> Response:
    return _problem(request, busy("console's own store or broker is away", f"{error}. Run `flyball doctor`."))


def _invalid(_: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)  # noqa: S101
    errors = field_errors(error)
    detail = f"{errors[0]['field']}: {errors[0]['detail']}. /openapi.json says what this operation takes."
    return problem(422, "the request is not valid", detail, errors=errors)


def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101
    detail = f"{request.method} {request.url.path}: {error.detail}. /openapi.json lists what there is."
    response = problem(error.status_code, str(error.detail), detail)
    response.headers.update(error.headers or {})
    return response


def _bug(_: Request, error: Exception) -> Response:
    return problem(500, "a bug in console", f"{type(error).__name__}; console's log has the whole of it.")
