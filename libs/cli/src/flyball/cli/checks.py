"""What `flyball doctor` looks at: each check says what it found and, if that is not well, the next command."""

import asyncio
import re
import shutil
import struct
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal
from urllib.parse import urlsplit

import httpx

from flyball.bus.settings import KafkaSettings
from flyball.bus.topics import open_topic_admin
from flyball.observe.settings import SettingsError
from flyball.schemas.topics import TOPICS
from flyball.stack.services import url_variable
from flyball.store.errors import Transient
from flyball.store.redis import open_redis, transient_redis_errors
from flyball.store.settings import StoreSettings

SECONDS_MAX: Final = 10.0
PYTHON_MIN: Final = (3, 11)
JAVA_MIN: Final = 17
LOCAL: Final = "flyball up, which starts its own"
# Postgres's SSLRequest: length 8, code 80877103; any Postgres answers it with one byte, before any password.
SSL_REQUEST: Final = struct.pack("!ii", 8, 80_877_103)

SERVICES: Final = (
    "telemetry-ingest",
    "budget-ledger",
    "drift-detector",
    "autonomy-controller",
    "rollback-executor",
    "notifier",
    "audit-log",
)
"""Looked at where the environment says where they answer; console is always looked at."""

State = Literal["ok", "failed", "unset"]


@dataclass(frozen=True, slots=True)
class Finding:
    """``unset`` is neither good nor bad: the local stack brings what the environment does not name."""

    check: str
    state: State
    detail: str
    following: str = ""


async def findings(environment: Mapping[str, str], console_url: str) -> list[Finding]:
    """All checks, those that wait for others at the same time. Takes some ten seconds at most."""
    services = {"console": console_url} | {
        name: environment[url_variable(name)] for name in SERVICES if url_variable(name) in environment
    }
    waiting = [
        java(),
        broker(environment),
        postgres(environment),
        redis(environment),
        *(ready(name, url) for name, url in services.items()),
    ]
    programs = [
        program("mvn", "apt-get install maven", "fetches Apache Kafka for `make stack`"),
        program("kcat", "apt-get install kcat", "a foreign client for tests"),
    ]
    found = await asyncio.gather(*waiting)
    return [python(), *programs, *(one for several in found for one in several)]


def python() -> Finding:
    version = ".".join(str(part) for part in sys.version_info[:3])
    if sys.version_info[:2] >= PYTHON_MIN:
        return Finding("python", "ok", version)
    return Finding("python", "failed", f"{version} is too old", "apt-get install python3.11, then make install")


def program(name: str, following: str, purpose: str) -> Finding:
    path = shutil.which(name)
    return Finding(name, "ok", path) if path else Finding(name, "failed", f"not found; {purpose}", following)


async def java() -> list[Finding]:
    following = "apt-get install openjdk-17-jre-headless"
    path = shutil.which("java")
    if path is None:
        return [Finding("java", "failed", "not found; Apache Kafka of `make stack` needs it", following)]
    process = await asyncio.create_subprocess_exec(
        path, "-version", stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE
    )
    _, printed = await process.communicate()
    version = re.search(rb'"(\d+)([\d._]*)', printed)
    if version is None or int(version[1]) < JAVA_MIN:
        return [Finding("java", "failed", f"{path} is older than {JAVA_MIN}", following)]
    return [Finding("java", "ok", f"{(version[1] + version[2]).decode()} at {path}")]


async def broker(environment: Mapping[str, str]) -> list[Finding]:
    """The broker, and whether its topics are as the table says."""
    if not environment.get("FLYBALL_KAFKA"):
        return [Finding("broker", "unset", "FLYBALL_KAFKA is not set", LOCAL)]
    try:
        settings = KafkaSettings.from_environment(environment)
        async with asyncio.timeout(SECONDS_MAX), open_topic_admin(settings) as admin:
            different = await admin.diff(TOPICS)
    except (Transient, TimeoutError, SettingsError) as error:
        cause = _said(error) or f"no answer from {environment['FLYBALL_KAFKA']} in {SECONDS_MAX:.0f} s"
        return [Finding("broker", "failed", cause, "make stack, or mend FLYBALL_KAFKA")]
    except RuntimeError as error:
        # The root of the Kafka client's errors: the embedded broker answers, but cannot tell its topics.
        return [Finding("broker", "ok", f"{settings.kafka} answers"), Finding("topics", "unset", _said(error))]
    answers = Finding("broker", "ok", f"{settings.kafka} answers")
    if different:
        names = sorted({item.topic for item in different})
        detail = f"{len(names)} of {len(TOPICS)} differ, first {names[0]}"
        return [answers, Finding("topics", "failed", detail, "flyball topics diff, then flyball topics apply")]
    return [answers, Finding("topics", "ok", f"all {len(TOPICS)} are as they should be")]


async def postgres(environment: Mapping[str, str]) -> list[Finding]:
    dsn = environment.get("FLYBALL_POSTGRES")
    if not dsn:
        return [Finding("postgres", "unset", "FLYBALL_POSTGRES is not set", LOCAL)]
    try:
        parts = urlsplit(dsn)
        host, port = parts.hostname or "127.0.0.1", parts.port or 5432
        async with asyncio.timeout(SECONDS_MAX):
            reader, writer = await asyncio.open_connection(host, port)
            writer.write(SSL_REQUEST)
            answer = await reader.read(1)
            writer.close()
    except (OSError, TimeoutError, ValueError) as error:
        return [Finding("postgres", "failed", _said(error), "make stack, or mend FLYBALL_POSTGRES")]
    if answer not in (b"S", b"N"):
        return [Finding("postgres", "failed", f"{host}:{port} is no Postgres", "mend FLYBALL_POSTGRES")]
    return [Finding("postgres", "ok", f"{host}:{port} answers (password not tried)")]


async def redis(environment: Mapping[str, str]) -> list[Finding]:
    if not environment.get("FLYBALL_REDIS"):
        return [Finding("redis", "unset", "FLYBALL_REDIS is not set", LOCAL)]
    try:
        settings = StoreSettings.from_environment({"FLYBALL_POSTGRES": "", **environment})
        async with asyncio.timeout(SECONDS_MAX), open_redis(settings) as client:
            with transient_redis_errors():
                await client.ping()
    except (Transient, TimeoutError, ValueError) as error:
        return [Finding("redis", "failed", _said(error), "make stack, or mend FLYBALL_REDIS")]
    return [Finding("redis", "ok", "answers")]


async def ready(name: str, url: str) -> list[Finding]:
    """Whether a service says that it is ready, and what it waits for."""
    try:
        async with httpx.AsyncClient(timeout=SECONDS_MAX) as client:
            answer = await client.get(f"{url}/ready")
        waiting_for = answer.json().get("waiting_for", [])
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        following = "flyball up, or export FLYBALL_URL" if name == "console" else f"see {name}'s log"
        return [Finding(name, "failed", f"no answer at {url}: {_said(error)}", following)]
    except (ValueError, AttributeError):
        return [Finding(name, "failed", f"what answers at {url} is not {name}", f"curl -i {url}/ready")]
    if waiting_for or not answer.is_success:
        return [Finding(name, "failed", f"not ready: {'; '.join(map(str, waiting_for))}", f"curl {url}/ready")]
    return [Finding(name, "ok", f"ready at {url}")]


def _said(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__
