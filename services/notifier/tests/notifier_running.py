"""A notifier as a process on real servers, the providers it talks to, and the alerts it gets."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx

from flyball.bus.messages import fact
from flyball.schemas.alerts import Alert
from flyball.schemas.topics import ALERTS
from flyball.stack import ServiceProcess
from tests.stub_providers import Provider
from tests.wire.outside import Broker, Letter, until

TOKEN = "token-of-the-tests-on-loopback"
LEASE_SECONDS = 30


class Running:
    """A notifier, the providers it talks to, and the alerts it gets."""

    def __init__(
        self, stack: Mapping[str, str], pagerduty: Provider, slack: Provider, folder: Path, replica: int = 1
    ) -> None:
        policy = folder / "policy.yaml"
        policy.write_text("wait_seconds: 1\ninterval_seconds: 2\n" + ROUTES)
        contacts = {"on-call": {"pagerduty": "R" * 32}, "room": {"slack": slack.url}}
        environment = {
            **stack,
            "FLYBALL_SERVICE_TOKEN": TOKEN,
            "FLYBALL_PAGERDUTY_URL": pagerduty.url,
            "FLYBALL_NOTIFIER_CONTACTS": json.dumps(contacts),
            "FLYBALL_NOTIFIER_POLICY": str(policy),
            "FLYBALL_NOTIFIER_TICK_SECONDS": "0.1",
        }
        self.broker = Broker(stack["FLYBALL_KAFKA"])
        self.process = ServiceProcess("notifier", environment, folder, replica=replica)

    def say(self, *alerts: Alert) -> None:
        self.broker.publish([letter(each) for each in alerts])

    async def ask(self, method: str, path: str, **more: Any) -> httpx.Response:
        async with httpx.AsyncClient(base_url=self.process.url, timeout=30) as client:
            return await client.request(method, path, headers={"authorization": f"Bearer {TOKEN}"}, **more)

    async def incidents(self, system: str, tenant: str = "default") -> list[dict[str, Any]]:
        answer = await self.ask("GET", "/v1/incidents", params={"state": "all", "tenant": tenant})
        assert answer.status_code == 200, answer.text
        return [each for each in answer.json()["items"] if system in each["systems"]]


ROUTES = """
routes:
  - name: default
    steps:
      - {target: on-call, channels: [pagerduty]}
      - {target: room, channels: [slack]}
"""


def letter(said: Alert) -> Letter:
    message = fact(ALERTS, said, source="tests", identity=uuid4(), system=said.system, time=datetime.now(UTC))
    return Letter(message.topic, message.key, message.body, message.headers)


def over(began: Alert) -> Alert:
    return began.model_copy(update={"status": "resolved", "ended_at": datetime.now(UTC)})


async def seen(stub: Provider, count: int, seconds: float = 30.0) -> list[dict[str, Any]]:
    async def bodies() -> list[dict[str, Any]]:
        return stub.bodies()

    return await until(bodies, lambda now: len(now) >= count, seconds)
