"""Requests to console, and what their failures mean to somebody at a terminal."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

from flyball.cli.errors import ERROR, UNREACHABLE, CommandError

if TYPE_CHECKING:
    import httpx

DEFAULT_URL: Final = "http://127.0.0.1:8080"
ANSWER_SECONDS_MAX: Final = 30.0
PAGES_MAX: Final = 1_000
NOT_ALLOWED: Final = "not_allowed"
"""The reason of an error that no other record, and no further try, will be spared."""


@dataclass(frozen=True, slots=True)
class Connection:
    """Where console is and who we are. Methods raise ``CommandError`` for whatever is not a 2xx answer."""

    url: str
    token: str

    @contextmanager
    def client(self) -> Iterator["httpx.Client"]:
        """One client for many requests; what goes wrong on the way ends the command with 4."""
        import httpx

        try:
            with httpx.Client(
                base_url=self.url, headers={"Authorization": f"Bearer {self.token}"}, timeout=ANSWER_SECONDS_MAX
            ) as client:
                yield client
        except (httpx.InvalidURL, httpx.UnsupportedProtocol, UnicodeEncodeError) as error:
            raise CommandError(
                f"{self.url!r} with this token: {error}", "flyball --url http://127.0.0.1:8080 ..."
            ) from error
        except httpx.HTTPError as error:
            cause = f"console does not answer at {self.url}: {error or type(error).__name__}"
            raise CommandError(cause, "flyball doctor, or flyball up for a local stack", UNREACHABLE) from error

    def get(self, path: str, **parameters: str | int | None) -> Any:
        """The JSON that console answers."""
        with self.client() as client:
            response = client.get(path, params=_given(parameters))
        return answer_of(response)

    def put(self, path: str, body: bytes) -> Any:
        """Send JSON; the JSON that console answers."""
        with self.client() as client:
            response = client.put(path, content=body, headers={"Content-Type": "application/json"})
        return answer_of(response)

    def post(self, path: str, body: Mapping[str, Any]) -> Any:
        """Send JSON; the JSON that console answers."""
        with self.client() as client:
            response = client.post(path, json=dict(body))
        return answer_of(response)

    def delete(self, path: str) -> None:
        """Take something away."""
        with self.client() as client:
            response = client.delete(path)
        if not response.is_success:
            answer_of(response)

    def items(self, path: str, **parameters: str | int | None) -> list[dict[str, Any]]:
        """The items of all pages."""
        items: list[dict[str, Any]] = []
        after: str | None = None
        for _ in range(PAGES_MAX):
            page = self.get(path, **parameters, after=after)
            items += page["items"]
            after = page.get("next")
            if after is None:
                return items
        raise CommandError(f"{path} has more than {PAGES_MAX} pages", "name one system with --system")


def answer_of(response: "httpx.Response") -> Any:
    """The JSON of a 2xx answer. Raises ``CommandError`` with the problem's words for any other."""
    if response.is_success:
        try:
            return response.json()
        except ValueError as error:
            raise _not_console(response) from error
    try:
        problem: Mapping[str, Any] = response.json()
        title, detail = str(problem["title"]), str(problem["detail"])
    except (ValueError, KeyError, TypeError) as error:
        raise _not_console(response) from error
    if response.status_code == HTTPStatus.UNAUTHORIZED:
        raise CommandError(
            f"console knows no such token: {title}",
            "export FLYBALL_TOKEN=<the token that `flyball up` printed>",
            reason=NOT_ALLOWED,
        )
    unreachable = response.status_code == HTTPStatus.SERVICE_UNAVAILABLE
    raise CommandError(
        f"{title}: {detail}",
        "flyball doctor" if unreachable else "flyball --help",
        UNREACHABLE if unreachable else ERROR,
        str(problem.get("reason") or (NOT_ALLOWED if response.status_code == HTTPStatus.FORBIDDEN else "")),
    )


def _not_console(response: "httpx.Response") -> CommandError:
    return CommandError(
        f"{response.request.url} answered {response.status_code}, but not as console does",
        f"curl {response.request.url.join('/openapi.json')} to see what listens there",
    )


def _given(parameters: Mapping[str, str | int | None]) -> dict[str, str | int]:
    return {name: value for name, value in parameters.items() if value is not None}
