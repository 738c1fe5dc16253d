"""A console with everything behind it, on the embedded stack, and people of every role who can sign in."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import httpx

from console.passwords import line_of
from flyball.schemas.topics import TOPICS
from flyball.stack import LocalStack, MockBroker, embedded_services

PASSWORD = "correct horse battery"
ROLES = ("viewer", "reviewer", "admin")
PEOPLE = {"viewer": "vera", "reviewer": "rita", "admin": "ada"}
"""Who signs in with a password, by role."""
TOKENS = {role: f"token-of-{role}" for role in (*ROLES, "agent", "expired")}
SERVICE_TOKEN = "token-of-the-services-here"


@dataclass(frozen=True, slots=True)
class Standing:
    """Where console answers, and the settings of its neighbours."""

    url: str
    environment: Mapping[str, str]

    def api(self, role: str) -> httpx.AsyncClient:
        """The HTTP API with a token of this role; ``nobody`` has none."""
        headers = {"Authorization": f"Bearer {TOKENS[role]}"} if role != "nobody" else {}
        return httpx.AsyncClient(base_url=self.url, headers=headers, timeout=30, trust_env=False)


@asynccontextmanager
async def standing(directory: Path, only: Sequence[str] | None = None, **settings: str) -> AsyncIterator[Standing]:
    """All services in this event loop, or those named; ``settings`` are variables beside those that this decides."""
    users = directory / "users"
    users.write_text("\n".join(line_of(PEOPLE[role], role, PASSWORD) for role in ROLES))
    async with LocalStack("embedded", directory=directory) as stack:
        assert isinstance(stack.kafka, MockBroker)
        await stack.kafka.create_topics([topic.name for topic in TOPICS])
        environment = {
            **stack.environment,
            "FLYBALL_SERVICE_TOKEN": SERVICE_TOKEN,
            "FLYBALL_API_TOKENS": ",".join(_tokens()),
            "FLYBALL_USERS_FILE": str(users),
            "FLYBALL_COOKIES_SECURE": "false",
            "FLYBALL_SPEC_NOTICE_SECONDS": "10",
            "FLYBALL_LOG_LEVEL": "WARNING",
            "FLYBALL_AUDIT_KEY_FILE": str(directory / "audit-key.pem"),
            "FLYBALL_AUDIT_CHECKPOINT_FILE": str(directory / "audit-checkpoints.jsonl"),
            **settings,
        }
        async with embedded_services(environment, only) as urls:
            yield Standing(urls["console"], environment)


def _tokens() -> list[str]:
    known = [f"{role}-machine:{role}:{_digest(role)}" for role in ROLES]
    return [*known, f"agent-machine:agent@*:{_digest('agent')}", f"old-machine:admin:{_digest('expired')}:2026-01-01"]


def _digest(role: str) -> str:
    return sha256(TOKENS[role].encode()).hexdigest()
