"""Troubles that come and go, and the providers that are told of them: PagerDuty at its worst, Slack as usual."""

import asyncio
import json
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Any
from uuid import uuid4

from tests.chaos.broker import Publisher
from tests.stub_providers import Headers, Provider, provider

ALERTS = "alerts.v1"
PAGING_SEVERITY_MAX = 1
POLICY = """
wait_seconds: 1
interval_seconds: 2
storm_groups_per_minute_max: 1000
sends_per_minute_max: 10000
routes:
  - name: default
    steps:
      - {target: on-call, channels: [pagerduty], severity_max: 1}
      - {target: room, channels: [slack]}
"""


@dataclass(frozen=True, slots=True)
class Providers:
    """Both, and what notifier needs to know of them."""

    pagerduty: Provider
    slack: Provider

    def settings(self, directory: Path) -> dict[str, str]:
        directory.mkdir(parents=True, exist_ok=True)
        policy = directory / "paging.yaml"
        policy.write_text(POLICY)
        contacts = {"on-call": {"pagerduty": "R" * 32}, "room": {"slack": self.slack.url}}
        return {
            "FLYBALL_PAGERDUTY_URL": self.pagerduty.url,
            "FLYBALL_NOTIFIER_CONTACTS": json.dumps(contacts),
            "FLYBALL_NOTIFIER_POLICY": str(policy),
            "FLYBALL_NOTIFIER_TICK_SECONDS": "0.2",
        }

    def keys(self, action: str) -> set[str]:
        """Dedup keys under which PagerDuty was told of this."""
        return {body["dedup_key"] for body in self.pagerduty.bodies(event_action=action)}


@contextmanager
def providers(random: Random) -> Iterator[Providers]:
    bad: list[tuple[int, Headers]] = [(500, {}), (429, {"retry-after": "1"}), (0, {}), (-1, {}), (202, {}), (202, {})]
    with provider(*random.choices(bad, k=30)) as pagerduty, provider() as slack:
        yield Providers(pagerduty, slack)


@dataclass(frozen=True, slots=True)
class Trouble:
    """Fires, is said again, and ends."""

    system: str
    severity: int

    def record(self, status: str, started_at: datetime) -> bytes:
        alert: dict[str, Any] = {
            "tenant": "default",
            "system": self.system,
            "rule": "chaos.trouble",
            "fingerprint": f"{self.system}/trouble",
            "severity": self.severity,
            "status": status,
            "summary": f"{self.system} is in trouble",
            "observed": "12 % failed",
            "threshold": "1 % may fail",
            "window": "5 min",
            "sample_size": 400,
            "owner": "ada",
            "runbook": None,
            "started_at": started_at.isoformat(),
        }
        if status == "resolved":
            alert["ended_at"] = datetime.now(UTC).isoformat()
        return json.dumps(alert).encode()


def troubles(random: Random, count: int) -> list[Trouble]:
    return [Trouble(f"shop-{number}", random.randrange(3)) for number in range(count)]


async def tell(publisher: Publisher, found: list[Trouble], random: Random, seconds: float) -> None:
    """All of them fire, most twice, and end, within the time."""
    async with asyncio.TaskGroup() as group:
        for trouble in found:
            starts, ends = sorted(random.uniform(0, seconds) for _ in range(2))
            group.create_task(_tell(publisher, trouble, starts, ends - starts, random.random() < 0.7))
    await publisher.flush()


async def _tell(publisher: Publisher, trouble: Trouble, starts: float, lasts: float, twice: bool) -> None:
    await asyncio.sleep(starts)
    started_at = datetime.now(UTC)
    for _ in range(2 if twice else 1):
        _put(publisher, trouble, trouble.record("firing", started_at))
    await asyncio.sleep(lasts)
    _put(publisher, trouble, trouble.record("resolved", started_at))


def _put(publisher: Publisher, trouble: Trouble, body: bytes) -> None:
    headers = [("ce_id", str(uuid4()).encode())]
    assert publisher.put(ALERTS, -1, trouble.system.encode(), body, headers), "the publisher's queue is full"


def repeated(slack: Provider) -> int:
    """How many messages Slack got that it had got before."""
    said = Counter(json.dumps(body, sort_keys=True) for body in slack.bodies())
    return sum(count - 1 for count in said.values())
