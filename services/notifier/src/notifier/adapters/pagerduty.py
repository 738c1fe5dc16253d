"""PagerDuty Events v2 through its maintained client, with its own retries off: ours are on the record."""

from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from pagerduty import Error, EventsApiV2Client, HttpError

from notifier.adapters.answers import SEND_SECONDS_MAX, meaning, nothing_heard
from notifier.adapters.threads import in_thread
from notifier.domain.notice import Notice
from notifier.ports import Sent

SEVERITIES = ("critical", "error", "warning", "info")
SUMMARY_CHARACTERS_MAX = 1_024
SOURCE = "flyball"


class PlainOnLoopback(EventsApiV2Client):
    """The client insists on TLS. A stand-in on this machine has none; the settings allow that nowhere else."""

    @property
    def url(self) -> str:
        return str(self._url)

    @url.setter
    def url(self, base_url: str) -> None:
        self._url = base_url


@dataclass(frozen=True, slots=True)
class PagerDuty:
    """``address`` is the routing key of an integration. The same dedup key never pages twice."""

    url: str
    executor: Executor
    _clients: dict[str, EventsApiV2Client] = field(default_factory=dict)

    async def send(self, notice: Notice, address: str) -> Sent:
        if address not in self._clients:
            self._clients[address] = _client(address, self.url)
        return await in_thread(self.executor, lambda: _send(self._clients[address], notice))


def _client(routing_key: str, url: str) -> EventsApiV2Client:
    kind = EventsApiV2Client if url.startswith("https://") else PlainOnLoopback
    client = kind(routing_key, base_url=url)
    client.timeout = int(SEND_SECONDS_MAX)
    client.max_network_attempts = 0
    # The client would wait and ask again for ever on 429; with no attempts left it gives the answer to us.
    client.max_http_attempts = -1
    client.retry[429] = 1
    return client


def _send(client: EventsApiV2Client, notice: Notice) -> Sent:
    return _answered(lambda: client.send_event(notice.action, dedup_key=notice.key, **event(notice)))


def _answered(send: Callable[[], Any]) -> Sent:
    try:
        return Sent("delivered", f"202 {send()}"[:256])
    except HttpError as error:
        answer: Any = error.response
        return meaning(answer.status_code, answer.text, answer.headers.get("retry-after"), datetime.now(UTC))
    except Error as error:
        return nothing_heard(error)


def event(notice: Notice) -> dict[str, Any]:
    """The payload of a trigger; the other actions need none."""
    if notice.action != "trigger":
        return {}
    incident = notice.incident
    return {
        "payload": {
            "summary": notice.headline[:SUMMARY_CHARACTERS_MAX],
            "source": ", ".join(incident.systems[:3]) or SOURCE,
            "severity": SEVERITIES[incident.severity],
            "timestamp": incident.detected_at.isoformat(),
            "component": SOURCE,
            "custom_details": details(notice),
        },
        "links": [
            {"href": str(told.alert.runbook), "text": f"Runbook: {told.alert.rule}"}
            for told in notice.alerts
            if told.alert.runbook
        ],
        "client": "Flyball",
    }


def details(notice: Notice) -> dict[str, Any]:
    """The numbers, within 512 KB by far: twenty alerts of 2 KB each."""
    return {
        "incident": notice.incident.id,
        "epoch": notice.epoch,
        "severity": notice.severity,
        "alerts_in_all": notice.alert_count,
        "alerts": [
            {
                "summary": told.alert.summary,
                "observed": told.alert.observed,
                "threshold": told.alert.threshold,
                "window": told.alert.window,
                "sample_size": told.alert.sample_size,
                "owner": told.alert.owner,
                "done_already": list(told.alert.done_already),
            }
            for told in notice.alerts
        ],
    }
