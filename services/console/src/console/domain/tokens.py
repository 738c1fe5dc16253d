"""Who may use the API: tokens are known by their SHA-256 alone."""

import secrets
from collections.abc import Mapping
from hashlib import sha256

DIGEST_CHARACTERS = 64
NAME_CHARACTERS_MAX = 64


def token_names(setting: str) -> Mapping[str, str]:
    """Digest -> name, from ``digest`` or ``name:digest`` entries separated by commas.

    Raises:
        ValueError: no entry, or one that is no SHA-256 digest in hexadecimal.
    """
    names: dict[str, str] = {}
    for entry in filter(None, (part.strip() for part in setting.split(","))):
        name, _, digest = entry.rpartition(":")
        if len(digest) != DIGEST_CHARACTERS or set(digest.lower()) - set("0123456789abcdef"):
            raise ValueError("each entry is a SHA-256 digest of 64 hexadecimal digits, optionally after 'name:'")
        if len(name) > NAME_CHARACTERS_MAX:
            raise ValueError("a token's name has 64 characters at most")
        names[digest.lower()] = name or "api"
    if not names:
        raise ValueError('give at least one digest; `printf %s "$TOKEN" | sha256sum` prints that of a token')
    return names


def holder_of(authorization: bytes, names: Mapping[str, str]) -> str | None:
    """The name of the token in an ``Authorization`` header, or None. Takes the same time whichever token it is."""
    scheme, _, token = authorization.partition(b" ")
    given = sha256(token.strip()).hexdigest().encode()
    holder = None
    for digest, name in names.items():
        if secrets.compare_digest(given, digest.encode()):
            holder = name
    return holder if scheme.lower() == b"bearer" else None
