"""No name holds a NUL, which Postgres has in no text: asked for one, console says so before it asks anybody."""

from starlette.types import ASGIApp, Receive, Scope, Send

from flyball.observe.http import problem


class WithoutNul:
    """ASGI middleware: 422 where an address has a NUL in its path or query."""

    def __init__(self, application: ASGIApp) -> None:
        self._application = application

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and ("\0" in scope["path"] or b"%00" in scope["query_string"]):
            refused = problem(422, "the request is not valid", "no name holds a NUL: leave it out of the address")
            await refused(scope, receive, send)
            return
        await self._application(scope, receive, send)
