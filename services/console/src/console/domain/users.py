"""Local users: a name, a role and the hash of a password, one a line."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from console.domain.roles import Caller, Role, caller_of

USERS_MAX: Final = 1_000
PASSWORD_CHARACTERS_MIN: Final = 12
PASSWORD_CHARACTERS_MAX: Final = 256
HASH_PREFIX: Final = "$argon2id$"
SHAPE: Final = "write name:role:hash; `python -m console.passwords NAME ROLE` prints such a line"


@dataclass(frozen=True, slots=True)
class User:
    """Somebody who signs in with a password, of which only the hash is known."""

    caller: Caller
    password_hash: str


def users_by_name(text: str) -> Mapping[str, User]:
    """Case-folded name -> user, from ``name:role:hash`` lines; empty lines and those with ``#`` are left out.

    Raises:
        ValueError: a line that is not of this shape; says which and what to write instead.
    """
    users: dict[str, User] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        entry = line.strip()
        if not entry or entry.startswith("#"):
            continue
        user = _user(entry, number)
        if user.caller.name.casefold() in users:
            raise ValueError(f"line {number}: {user.caller.name} is there twice; a name is one person in any case")
        if len(users) == USERS_MAX:
            raise ValueError(f"line {number}: {USERS_MAX} users are allowed; use an identity provider for more")
        users[user.caller.name.casefold()] = user
    return users


def _user(entry: str, number: int) -> User:
    name, _, rest = entry.partition(":")
    role, _, password_hash = rest.partition(":")
    if not password_hash.startswith(HASH_PREFIX):
        raise ValueError(f"line {number}: no argon2id hash; {SHAPE}")
    caller = caller_of(name, role)
    if caller.role is Role.AGENT:
        raise ValueError(f"line {number}: {name} is an agent, and agents have tokens, not passwords")
    return User(caller, password_hash)
