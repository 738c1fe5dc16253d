"""Who may do what. People's roles are a ladder; an agent stands beside it and can never climb it."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from flyball.schemas.base import DEFAULT_TENANT

NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@+-]{0,63}")
NAME_RULE: Final = "a name has letters, digits and . _ @ + -, at most 64, and begins with a letter or digit"


class Role(StrEnum):
    """``viewer`` sees, ``reviewer`` also answers, ``admin`` also changes; ``agent`` posts events and asks for leave."""

    VIEWER = "viewer"
    REVIEWER = "reviewer"
    ADMIN = "admin"
    AGENT = "agent"


LADDER: Final = (Role.VIEWER, Role.REVIEWER, Role.ADMIN)
SPEAKS_FOR_AGENTS: Final = frozenset({Role.AGENT, Role.ADMIN})


@dataclass(frozen=True, slots=True)
class Caller:
    """Who makes a request, as its token or session says."""

    name: str
    role: Role
    systems: frozenset[str] | None = None
    """Those of the default tenant that an agent speaks for; None: for every system."""

    @property
    def actor(self) -> str:
        """The name in records and towards other services: ``user:ada`` or ``agent:checkout``."""
        return f"{'agent' if self.role is Role.AGENT else 'user'}:{self.name}"

    def may(self, needed: Role) -> bool:
        """True on the needed step of the ladder or above; what agents do, agents and admins may."""
        if needed is Role.AGENT:
            return self.role in SPEAKS_FOR_AGENTS
        return self.role in LADDER and LADDER.index(self.role) >= LADDER.index(needed)

    def speaks_for(self, system: str, tenant: str = DEFAULT_TENANT) -> bool:
        return self.systems is None or (tenant == DEFAULT_TENANT and system in self.systems)


def caller_of(name: str, role: str) -> Caller:
    """Raises ``ValueError`` with what to write instead."""
    if not NAME.fullmatch(name):
        raise ValueError(f"{name[:80]!r}: {NAME_RULE}")
    if role not in set(Role):
        raise ValueError(f"{name}: {role[:40]!r} is no role; it is one of {', '.join(Role)}")
    return Caller(name, Role(role))


def check_one_kind(callers: Iterable[Caller]) -> None:
    """Raises ``ValueError`` where one name, in whatever case, is an agent's and a person's."""
    known = list(callers)
    agents = {caller.name.casefold() for caller in known if caller.role is Role.AGENT}
    people = {caller.name.casefold() for caller in known if caller.role is not Role.AGENT}
    if both := sorted(agents & people):
        raise ValueError(f"{both[0]} is an agent and a person: an agent never holds a people's role; rename one")
