"""API tokens: known by their SHA-256 alone, each with a role and, if wished, an end; an agent's with its systems."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from hashlib import sha256
from typing import Final

from console.domain.roles import Caller, Role, caller_of, check_one_kind
from flyball.schemas.base import NAME_PATTERN

DIGEST: Final = re.compile(r"[0-9a-f]{64}")
TOKENS_MAX: Final = 1_000
SHAPE: Final = "write name:role:digest or name:role:digest:expires, for example ada:admin:<64 hexadecimal digits>"
SYSTEM: Final = re.compile(NAME_PATTERN)
EVERY_SYSTEM: Final = "*"
BINDING: Final = "write its role as agent@checkout, as agent@checkout+returns, or as agent@* for every system"


class TokenError(Exception):
    """No known token, or one that is no longer good; says which of the two."""


@dataclass(frozen=True, slots=True)
class Token:
    """One entry of the setting. At ``expires_at`` it stops to be good; None: never."""

    caller: Caller
    expires_at: datetime | None


def tokens_by_digest(setting: str) -> Mapping[str, Token]:
    """Digest -> token, from ``name:role[@systems]:digest[:expires]`` entries separated by commas.

    Raises:
        ValueError: no entry, or one that is not of this shape; says what to write instead.
    """
    entries = [part for part in (part.strip() for part in setting.split(",")) if part]
    if not entries:
        raise ValueError(f'give at least one token; {SHAPE}; digest: `printf %s "$TOKEN" | sha256sum`')
    if len(entries) > TOKENS_MAX:
        raise ValueError(f"{len(entries)} tokens are given, {TOKENS_MAX} are allowed")
    tokens: dict[str, Token] = {}
    for number, entry in enumerate(entries, start=1):
        digest, token = _token(entry, number)
        if digest in tokens:
            raise ValueError(f"entry {number}: the digest of {tokens[digest].caller.name} again; one token, one name")
        tokens[digest] = token
    check_one_kind(token.caller for token in tokens.values())
    return tokens


def digest_of_token(token: str) -> str:
    return sha256(token.encode("utf-8", "surrogateescape")).hexdigest()


def token_in(authorization: str) -> str | None:
    """The token of an ``Authorization: Bearer`` header."""
    scheme, _, token = authorization.partition(" ")
    return token.strip() or None if scheme.lower() == "bearer" else None


def holder_of(digest: str, tokens: Mapping[str, Token], now: datetime) -> Caller:
    """Whose token has this digest. Raises ``TokenError``.

    The digest is what is looked up, so the time it takes says nothing about any token.
    """
    token = tokens.get(digest)
    if token is None:
        raise TokenError("no known API token")
    if token.expires_at is not None and now >= token.expires_at:
        raise TokenError(f"the API token {token.caller.name!r} has expired ({token.expires_at:%Y-%m-%dT%H:%M:%SZ})")
    return token.caller


def _token(entry: str, number: int) -> tuple[str, Token]:
    parts = entry.split(":", 3)
    if len(parts) < 3:  # noqa: PLR2004  the three that SHAPE names
        # What is there may be a secret by mistake, so it is not repeated.
        raise ValueError(f"entry {number} has no name, role and digest: {SHAPE}")
    name, kind, digest = parts[:3]
    if not DIGEST.fullmatch(digest.lower()):
        raise ValueError(f"entry {number} ({name[:64]}): the digest is not 64 hexadecimal digits; {SHAPE}")
    expires_at = _moment(parts[3], number) if len(parts) > 3 else None  # noqa: PLR2004
    role, _, systems = kind.partition("@")
    caller = caller_of(name, role)
    return digest.lower(), Token(replace(caller, systems=_bound(caller, systems, number)), expires_at)


def _bound(caller: Caller, systems: str, number: int) -> frozenset[str] | None:
    """Where nothing else is said, an agent speaks for the system of its own name."""
    if caller.role is not Role.AGENT:
        if systems:
            raise ValueError(f"entry {number} ({caller.name}): agents alone are bound to systems; write {caller.role}")
        return None
    if systems == EVERY_SYSTEM:
        return None
    named = systems.split("+") if systems else [caller.name]
    if unknown := [name for name in named if not SYSTEM.fullmatch(name)]:
        raise ValueError(f"entry {number} ({caller.name}): {unknown[0][:64]!r} is no name of a system; {BINDING}")
    return frozenset(named)


def _moment(text: str, number: int) -> datetime:
    """A date is the beginning of that day in UTC."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise ValueError(
            f"entry {number}: {text[:40]!r} is no date; write 2027-01-31 or 2027-01-31T18:00:00Z"
        ) from error
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
