"""Signing in with a password or a token, and out."""

import secrets
from dataclasses import dataclass
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Request
from starlette.datastructures import FormData
from starlette.responses import RedirectResponse, Response

from console.adapters.passwords import Passwords
from console.api.access import public
from console.api.acts import BoundedRoute
from console.domain.tokens import digest_of_token
from console.domain.users import PASSWORD_CHARACTERS_MAX
from console.pages.access import CSRF_FIELD, People, Visitor, check_same, signed_in
from console.pages.attempts import Attempts
from console.pages.templating import Templates

FORM_COOKIE = "flyball_form"
TOKEN_CHARACTERS_MAX = 512
WRONG = "That name and password, or that token, are not known here. Try again, or ask an admin of this console."
TOO_MANY = "Too many tries. Wait a minute, then try again."


@dataclass(frozen=True, slots=True)
class SigningIn:
    templates: Templates
    people: People
    passwords: Passwords
    attempts: Attempts

    def router(self) -> APIRouter:
        router = APIRouter(include_in_schema=False, route_class=BoundedRoute)
        router.add_api_route("/sign-in", self.form, methods=["GET"], dependencies=[public()])
        router.add_api_route("/sign-in", self.sign_in, methods=["POST"], dependencies=[public()])
        router.add_api_route("/sign-out", self.sign_out, methods=["POST"])
        return router

    async def form(self, request: Request) -> Response:
        """The empty form."""
        return self._form(request, inside(request.query_params.get("next", "/")), None, HTTPStatus.OK)

    async def sign_in(self, request: Request) -> Response:
        """Open a session for whoever proves who they are."""
        given = await request.form()
        check_same(given.get(CSRF_FIELD), request.cookies.get(FORM_COOKIE) or secrets.token_urlsafe())
        back = inside(_text(given, "next", 2_048) or "/")
        address = request.client.host if request.client else "nowhere"
        if not self.attempts.allow(_text(given, "name", 64) or "by token", address):
            return self._form(request, back, TOO_MANY, HTTPStatus.TOO_MANY_REQUESTS)
        holder = await self._holder(given)
        if holder is None or self.people.holder(holder) is None:
            return self._form(request, back, WRONG, HTTPStatus.UNAUTHORIZED)
        response = RedirectResponse(back, HTTPStatus.SEE_OTHER)
        cookie = await self.people.sessions.open(holder, self.people.now())
        self._set(response, self.people.cookie, cookie, int(self.people.sessions.lasts.total_seconds()))
        return response

    async def sign_out(self, request: Request, _visitor: Annotated[Visitor, signed_in("viewer")]) -> Response:
        """End the session, everywhere and at once."""
        await self.people.sessions.close(request.cookies.get(self.people.cookie, ""))
        response = RedirectResponse("/sign-in", HTTPStatus.SEE_OTHER)
        self._set(response, self.people.cookie, "", 0)
        return response

    async def _holder(self, given: FormData) -> str | None:
        token = _text(given, "token", TOKEN_CHARACTERS_MAX)
        if token:
            return f"token:{digest_of_token(token)}"
        name = _text(given, "name", 64).casefold()
        user = self.people.users.get(name)
        password = _text(given, "password", PASSWORD_CHARACTERS_MAX)
        right = await self.passwords.match(password, user.password_hash if user else None)
        return f"user:{name}" if right else None

    def _form(self, request: Request, back: str, wrong: str | None, status: int) -> Response:
        csrf = request.cookies.get(FORM_COOKIE) or secrets.token_urlsafe(32)
        values = {"csrf": csrf, "next": back, "wrong": wrong, "has_users": bool(self.people.users)}
        response = self.templates.page(request, "sign_in.html", None, values, status)
        self._set(response, FORM_COOKIE, csrf, 3_600)
        return response

    def _set(self, response: Response, name: str, value: str, seconds: int) -> None:
        response.set_cookie(
            name, value, max_age=seconds, path="/", secure=self.people.cookies_secure, httponly=True, samesite="strict"
        )


def inside(target: str) -> str:
    """``target`` if it is a path of ours, else the first page: nobody is sent elsewhere after signing in."""
    ours = target.startswith("/") and not target.startswith(("//", "/\\")) and target.isprintable()
    return target if ours else "/"


def _text(given: FormData, name: str, characters_max: int) -> str:
    value = given.get(name)
    return value[:characters_max] if isinstance(value, str) else ""
