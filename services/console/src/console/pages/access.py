"""Pages know people by the cookie of their session, never by a token in a header, and forms by their CSRF field."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import quote

from fastapi import Depends, Request

from console.adapters.sessions import Session, Sessions
from console.api.access import Access, Declaration
from console.api.problems import ProblemError
from console.domain.roles import LADDER, Caller, Role
from console.domain.tokens import TokenError, holder_of
from console.domain.users import User

COOKIE = "flyball_session"
CSRF_FIELD = "csrf"
SAFE_METHODS = frozenset({"GET", "HEAD"})


@dataclass(frozen=True, slots=True)
class People:
    """Who can sign in; it is ``application.state.people``."""

    users: Mapping[str, User]
    sessions: Sessions
    access: Access
    cookies_secure: bool

    @property
    def cookie(self) -> str:
        """``__Host-`` keeps other hosts and paths from setting it; browsers take that only over TLS."""
        return f"__Host-{COOKIE}" if self.cookies_secure else COOKIE

    def now(self) -> datetime:
        return self.access.clock()

    def holder(self, name: str) -> Caller | None:
        """Who ``user:<name>`` or ``token:<digest>`` is today; None for who is no longer known, or no person."""
        kind, _, value = name.partition(":")
        if kind == "user":
            user = self.users.get(value)
            return user.caller if user else None
        try:
            caller = holder_of(value, self.access.tokens, self.now())
        except TokenError:
            return None
        return caller if caller.role in LADDER else None


@dataclass(frozen=True, slots=True)
class Visitor:
    """Who looks at a page, and the field that their forms carry."""

    caller: Caller
    csrf: str


class SignInNeededError(Exception):
    """Nobody is signed in; ``url`` is where they can, and come back from."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.url = url


@dataclass(frozen=True, slots=True)
class SessionRequired(Declaration):
    """Lets people through who are signed in with at least this role, and of what changes something their own forms."""

    role: Role

    async def __call__(self, request: Request) -> Visitor:
        people: People = request.app.state.people
        session = await people.sessions.find(request.cookies.get(people.cookie, ""), people.now())
        caller = people.holder(session.holder) if session else None
        if session is None or caller is None:
            raise SignInNeededError(_way_back(request))
        if not caller.may(self.role):
            detail = f"You are signed in as {caller.name} with the role {caller.role}; this needs the role {self.role}."
            raise ProblemError(403, f"The role {self.role} is needed", detail)
        await _check_form(request, session)
        return Visitor(caller, session.csrf)


def signed_in(role: str) -> Any:
    """A dependency for a route of the pages; yields the ``Visitor``."""
    return Depends(SessionRequired(Role(role)))


async def _check_form(request: Request, session: Session) -> None:
    if request.method in SAFE_METHODS:
        return
    given = (await request.form()).get(CSRF_FIELD)
    check_same(given, session.csrf)


def check_same(given: object, expected: str) -> None:
    """Raises ``ProblemError`` 403 for a form that did not come from our own page."""
    if not isinstance(given, str) or not secrets.compare_digest(given.encode(), expected.encode()):
        raise ProblemError(403, "This form is out of date", "Open the page again and send the form from there.")


def _way_back(request: Request) -> str:
    if request.method not in SAFE_METHODS:
        return "/sign-in"
    path = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    return f"/sign-in?next={quote(path, safe='')}"
