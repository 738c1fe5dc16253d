"""Passwords against their hashes, off the event loop and few at a time: each takes a core and tens of megabytes."""

import asyncio
from dataclasses import dataclass, field

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

AT_ONCE_MAX = 2
HASHER = PasswordHasher()


def hash_of(password: str) -> str:
    """Argon2id with the library's parameters, which follow RFC 9106."""
    return HASHER.hash(password)


@dataclass(slots=True)
class Passwords:
    """Takes the same time for a name that nobody has as for a wrong password."""

    nobodys_hash: str = field(default_factory=lambda: hash_of("the password of nobody"))
    _slots: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(AT_ONCE_MAX))

    async def match(self, password: str, password_hash: str | None) -> bool:
        async with self._slots:
            right = await asyncio.to_thread(_verified, password_hash or self.nobodys_hash, password)
        return right and password_hash is not None


def _verified(password_hash: str, password: str) -> bool:
    try:
        return HASHER.verify(password_hash, password)
    except (VerificationError, InvalidHashError):
        return False
