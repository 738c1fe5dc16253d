"""Free texts as names of the contract."""

import re
from functools import lru_cache
from typing import Final

NAME_CHARACTERS_MAX: Final = 63
_NOT_IN_NAMES: Final = re.compile(r"[^a-z0-9._-]+")
_RELEASE: Final = re.compile(r"[0-9A-Za-z][0-9A-Za-z.+_-]{0,63}")


@lru_cache(maxsize=4_096)
def as_name(text: str) -> str | None:
    """``Claims Triage (EU)`` as ``claims-triage-eu``, a ``Name``; None where nothing is left."""
    name = _NOT_IN_NAMES.sub("-", text.lower()).strip("._-")[:NAME_CHARACTERS_MAX]
    return name.rstrip("-") or None


@lru_cache(maxsize=4_096)
def as_release(text: str) -> str | None:
    """``text`` if it is a valid ``Release``, else None: an invented release would split a system's figures."""
    return text if _RELEASE.fullmatch(text) else None
