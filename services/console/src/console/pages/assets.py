"""The pages' own scripts and styles, and those of others that are kept here. No other host is ever asked."""

import mimetypes
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from importlib.resources import files
from importlib.resources.abc import Traversable

from fastapi import APIRouter
from starlette.responses import Response

from console.api.access import public
from console.api.problems import ProblemError

KEPT = "public, max-age=31536000, immutable"
"""The address holds the digest, so what is kept can never be out of date."""
DIGEST_CHARACTERS = 12
SERVED = frozenset({".js", ".css", ".svg"})


@dataclass(frozen=True, slots=True)
class Asset:
    body: bytes
    media_type: str
    digest: str


class Assets:
    """All of them in memory, read once."""

    def __init__(self) -> None:
        self._assets = dict(_found(files("console").joinpath("static"), ""))

    def url(self, name: str) -> str:
        """Raises ``KeyError`` for a file that is not there."""
        return f"/static/{self._assets[name].digest}/{name}"

    def router(self) -> APIRouter:
        router = APIRouter(include_in_schema=False)
        router.add_api_route("/static/{digest}/{name:path}", self.serve, dependencies=[public()])
        return router

    async def serve(self, digest: str, name: str) -> Response:
        asset = self._assets.get(name)
        if asset is None or asset.digest != digest:
            raise ProblemError(
                404, "There is no such file", "The page that asked for it is of another release: reload."
            )
        return Response(asset.body, media_type=asset.media_type, headers={"Cache-Control": KEPT})


def _found(folder: Traversable, prefix: str) -> Mapping[str, Asset]:
    assets: dict[str, Asset] = {}
    for entry in folder.iterdir():
        name = f"{prefix}{entry.name}"
        if entry.is_dir():
            assets |= _found(entry, f"{name}/")
        elif f".{name.rpartition('.')[2]}" in SERVED:
            body = entry.read_bytes()
            media_type = mimetypes.guess_type(name)[0] or "application/octet-stream"
            assets[name] = Asset(body, media_type, sha256(body).hexdigest()[:DIGEST_CHARACTERS])
    return assets
