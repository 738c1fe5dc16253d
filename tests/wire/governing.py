"""Autonomy on real servers: controllers and a console as processes, and people, agents and requests to them."""

import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx

from flyball.schemas.guardrails import ActionClassSpec, AutonomySpec, DenyRule
from flyball.schemas.registry import Owners, SystemRegistered, SystemRevision, SystemSpec
from flyball.schemas.topics import REGISTRY_SYSTEMS
from flyball.stack import ServiceProcess
from tests.wire.outside import Broker, Letter, until

SERVICE_TOKEN, AGENT_TOKEN = "token-of-the-tests-on-loopback", "token-of-the-agents-on-loopback"
PEOPLE = {"grace": "reviewer", "hopper": "reviewer", "bea": "reviewer", "lin": "admin", "bot": "agent"}
"""Those whom console knows; each one's token is the name."""
OWNER, REQUESTER = "ada", "bea"
PAST = datetime(2026, 1, 1, tzinfo=UTC)


@asynccontextmanager
async def running(*services: ServiceProcess) -> AsyncIterator[None]:
    """All of them, until the end of the block. One that has ended by itself is a failure, unless the test killed it."""
    try:
        for service in services:
            service.spawn()
        for service in services:
            await service.wait_ready()
        yield
    finally:
        # Gracefully: the group of one that was killed waits for its session before it serves the next test.
        for service in services:
            await service.stop()


def controller(environment: Mapping[str, str], logs: Path, replica: int = 1, **more: str) -> ServiceProcess:
    given = {**environment, "FLYBALL_AGENT_TOKEN": AGENT_TOKEN, **more}
    return ServiceProcess("autonomy-controller", given, logs, replica=replica)


def console(environment: Mapping[str, str], logs: Path, **urls: str) -> ServiceProcess:
    """``urls``: where other services answer, ``autonomy_controller="http://..."``."""
    tokens = ",".join(f"{name}:{role}:{sha256(name.encode()).hexdigest()}" for name, role in PEOPLE.items())
    addresses = {f"FLYBALL_{name.upper()}_URL": url for name, url in urls.items()}
    return ServiceProcess("console", {**environment, "FLYBALL_API_TOKENS": tokens, **addresses}, logs)


def client(service: ServiceProcess, token: str = SERVICE_TOKEN) -> httpx.AsyncClient:
    return httpx.AsyncClient(base_url=service.url, headers={"authorization": f"Bearer {token}"}, timeout=30)


def registered(system: str, level: int, **changes: Any) -> Letter:
    """A system whose class ``orders`` starts at ``level``."""
    orders = ActionClassSpec(
        operations=("order.*",), level=level, deny=(DenyRule(name="no-gifts", parameter="method", value="gift*"),)
    ).model_copy(update=changes)
    spec = SystemSpec(
        system=system, owners=Owners(technical=OWNER), autonomy=AutonomySpec(action_classes={"orders": orders})
    )
    revision = SystemRevision(version=1, effective_at=PAST, author="grace", spec=spec)
    event = SystemRegistered(tenant="default", system=system, revisions=(revision,))
    return letter(REGISTRY_SYSTEMS.name, system, event.model_dump_json().encode())


def letter(topic: str, key: str, body: bytes | None) -> Letter:
    return Letter(topic, key.encode(), body, (("ce_id", str(uuid4()).encode()),))


async def declare(broker: Broker, api: httpx.AsyncClient, system: str, level: int, **changes: Any) -> None:
    """Returns when the controller has it."""
    broker.publish([registered(system, level, **changes)])

    async def known() -> bool:
        return bool((await api.get("/v1/levels", params={"system": system})).json()["items"])

    assert await until(known, bool)


def asked(system: str, **changes: object) -> dict[str, Any]:
    """A write that ``REQUESTER`` has asked for."""
    now = datetime.now(UTC)
    return {
        "kind": "requested",
        "action_id": str(uuid4()),
        "system": system,
        "release": "2.1.0",
        "action_class": "orders",
        "operation": "order.cancel",
        "target": "order/1",
        "write": True,
        "confidence": 0.9,
        "requester": f"user:{REQUESTER}",
        "deadline": (now + timedelta(seconds=30)).isoformat(),
        "requested_at": now.isoformat(),
        **changes,
    }


def ends(broker: Broker, since: Mapping[int, int], actions: Sequence[str]) -> list[tuple[str, str]]:
    """How actions ended, as the topic of decisions has it: each id of a record once."""
    found = {dict(one.headers())["ce_id"]: json.loads(one.value()) for one in broker.read("agent.decisions.v1", since)}
    ended = [event for event in found.values() if event["kind"] == "ended" and event["action_id"] in actions]
    return sorted((event["action_id"], event["end"]) for event in ended)
