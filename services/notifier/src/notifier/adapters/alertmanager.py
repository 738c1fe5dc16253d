"""Alertmanager's webhook, version 4, so that receivers which know it need nothing new."""

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import httpx

from notifier.adapters.answers import SEND_SECONDS_MAX, meaning, nothing_heard
from notifier.adapters.threads import ATTEMPT_SECONDS_MAX
from notifier.domain.matchers import labels_of
from notifier.domain.notice import Notice, Told
from notifier.domain.severity import to_wire
from notifier.ports import Sent

NEVER = "0001-01-01T00:00:00Z"


@dataclass(frozen=True, slots=True)
class Alertmanager:
    """``address`` is the URL of a receiver. The group key stays the same in an epoch, which tells a repetition."""

    client: httpx.AsyncClient

    async def send(self, notice: Notice, address: str) -> Sent:
        try:
            async with asyncio.timeout(ATTEMPT_SECONDS_MAX):
                answer = await self.client.post(address, json=payload(notice), timeout=SEND_SECONDS_MAX)
        except (httpx.HTTPError, httpx.InvalidURL, TimeoutError) as error:
            return nothing_heard(error)
        return meaning(answer.status_code, answer.text, answer.headers.get("retry-after"), datetime.now(UTC))


def payload(notice: Notice) -> dict[str, Any]:
    """Format 4: https://prometheus.io/docs/alerting/latest/configuration/#webhook_config"""
    over = notice.action == "resolve"
    common = {"incident": notice.incident.id, "severity": notice.severity}
    return {
        "version": "4",
        "groupKey": notice.key,
        "truncatedAlerts": max(0, notice.alert_count - len(notice.alerts)),
        "status": "resolved" if over else "firing",
        "receiver": notice.target,
        "groupLabels": {"incident": notice.incident.id},
        "commonLabels": common,
        "commonAnnotations": {"summary": notice.headline},
        "externalURL": "",
        "alerts": [_alert(told, notice, over=over) for told in notice.alerts],
    }


def _alert(told: Told, notice: Notice, *, over: bool) -> dict[str, Any]:
    alert, wire = told.alert, to_wire(told.alert.severity)
    ended_at = alert.ended_at or (notice.incident.resolved_at if over else None)
    return {
        "status": "firing" if told.firing and not over else "resolved",
        "labels": {
            **labels_of(alert),
            "alertname": alert.rule,
            "severity": wire.value,
            "severity_scheme": wire.scheme,
        },
        "annotations": {
            "summary": alert.summary,
            "observed": alert.observed,
            "threshold": alert.threshold,
            "window": alert.window,
            "sample_size": str(alert.sample_size),
            "runbook_url": str(alert.runbook or ""),
        },
        "startsAt": alert.started_at.isoformat(),
        "endsAt": ended_at.isoformat() if ended_at else NEVER,
        "generatorURL": "",
        "fingerprint": alert.fingerprint,
    }
