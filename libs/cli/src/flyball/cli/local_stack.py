"""A whole Flyball on this machine: servers, topics and services, until it is told to stop."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from flyball.bus.settings import KafkaSettings
from flyball.bus.topics import open_topic_admin
from flyball.schemas.topics import TOPICS
from flyball.stack import LocalStack, MockBroker, ServiceProcess, discover, embedded_services
from flyball.stack.services import load, url_variable

CONSOLE = "console"


@dataclass(frozen=True, slots=True)
class Running:
    """What somebody needs to use the stack."""

    url: str
    token: str
    """Of an admin."""
    agent_token: str
    """Sends events and asks for decisions, and can do nothing else."""
    environment: dict[str, str]


@asynccontextmanager
async def running(
    *,
    directory: Path,
    kafka: bool = False,
    nodes: int = 1,
    token: str | None = None,
    port: int = 0,
    settings: Mapping[str, str] | None = None,
) -> AsyncIterator[Running]:
    """Start everything, yield, stop everything. Raises ``StackError`` for what does not start.

    ``kafka`` runs Apache Kafka and a process per service; else all services share this process with a mock broker.
    ``settings`` are environment variables for the services beside those that the stack decides.
    """
    token, agent_token = token or secrets.token_urlsafe(24), secrets.token_urlsafe(24)
    loaded = asyncio.create_task(asyncio.to_thread(load, () if kafka else None))
    async with LocalStack("full" if kafka else "embedded", nodes=nodes, directory=directory) as stack:
        await _create_topics(stack)
        await loaded
        environment = {
            **(settings or {}),
            **stack.environment,
            "FLYBALL_SERVICE_TOKEN": secrets.token_urlsafe(24),
            "FLYBALL_AUDIT_KEY_FILE": str(stack.directory / "audit" / "signing-key.pem"),
            "FLYBALL_AUDIT_CHECKPOINT_FILE": str(stack.directory / "audit" / "checkpoints.jsonl"),
            # Loopback has no TLS.
            "FLYBALL_COOKIES_SECURE": "false",
            "FLYBALL_API_TOKENS": f"local:admin:{_digest(token)},agents:agent@*:{_digest(agent_token)}",
        }
        services = _processes(environment, stack.directory, port) if kafka else _embedded(environment)
        async with services as urls:
            addresses = {url_variable(name): url for name, url in urls.items()}
            yield Running(urls[CONSOLE], token, agent_token, {**stack.environment, **addresses})


def _digest(token: str) -> str:
    return sha256(token.encode()).hexdigest()


async def _create_topics(stack: LocalStack) -> None:
    if isinstance(stack.kafka, MockBroker):
        # It has no admin API.
        await stack.kafka.create_topics([topic.name for topic in TOPICS])
        return
    async with open_topic_admin(KafkaSettings.from_environment(stack.environment)) as admin:
        await admin.apply(TOPICS)


@asynccontextmanager
async def _embedded(environment: dict[str, str]) -> AsyncIterator[dict[str, str]]:
    async with embedded_services(environment) as urls:
        yield urls


@asynccontextmanager
async def _processes(environment: dict[str, str], directory: Path, port: int) -> AsyncIterator[dict[str, str]]:
    shared = dict(environment)
    services: dict[str, ServiceProcess] = {}
    # Console last: its settings name where the others answer.
    names = [*(name for name in discover() if name != CONSOLE), CONSOLE]
    async with AsyncExitStack() as exits:
        for name in names:
            service = ServiceProcess(name, shared, directory, port=port if name == CONSOLE else 0)
            shared[url_variable(name)] = service.url
            exits.push_async_callback(service.stop)
            service.spawn()
            services[name] = service
        for service in services.values():
            await service.wait_ready()
        yield {name: service.url for name, service in services.items()}
