"""Slack by incoming webhook through its maintained client. It has no key: a message sent twice is seen twice."""

import logging
from collections.abc import Mapping
from concurrent.futures import Executor
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from slack_sdk.webhook import WebhookClient

from notifier.adapters.answers import SEND_SECONDS_MAX, meaning, nothing_heard
from notifier.adapters.threads import in_thread
from notifier.domain.notice import Notice, Told
from notifier.ports import Sent

HEADER_CHARACTERS_MAX, SECTION_CHARACTERS_MAX, ALL_CHARACTERS_MAX = 150, 3_000, 12_000
ALERTS_SHOWN_MAX = 5
MARKS = {
    "trigger": ":rotating_light:",
    "acknowledge": ":eyes:",
    "resolve": ":white_check_mark:",
    "remind": ":alarm_clock:",
    "digest": ":card_index_dividers:",
}
# At its most talkative the client logs the webhook's address, which is a secret.
quiet = logging.getLogger("notifier.slack")
quiet.setLevel(logging.CRITICAL)


@dataclass(frozen=True, slots=True)
class Slack:
    """``address`` is the URL of an incoming webhook."""

    executor: Executor

    async def send(self, notice: Notice, address: str) -> Sent:
        return await in_thread(self.executor, lambda: _send(notice, address))


def _send(notice: Notice, address: str) -> Sent:
    client = WebhookClient(address, timeout=int(SEND_SECONDS_MAX), retry_handlers=[], logger=quiet)
    try:
        answer = client.send(text=notice.headline[:SECTION_CHARACTERS_MAX], blocks=blocks(notice))
    except Exception as error:  # noqa: BLE001 - the client lets through whatever the connection raised
        return nothing_heard(error)
    headers: Mapping[str, str] = {name.lower(): value for name, value in answer.headers.items()}
    return meaning(answer.status_code, answer.body, headers.get("retry-after"), datetime.now(UTC))


def blocks(notice: Notice) -> list[dict[str, Any]]:
    """At most eight blocks within Slack's limits, whatever is in the alerts."""
    header = {"type": "plain_text", "text": notice.headline[:HEADER_CHARACTERS_MAX]}
    shown = notice.alerts[:ALERTS_SHOWN_MAX] if notice.action == "trigger" else ()
    room = (ALL_CHARACTERS_MAX - 1_000) // ALERTS_SHOWN_MAX
    sections = [_section(_told(told)[: min(room, SECTION_CHARACTERS_MAX)]) for told in shown]
    return [{"type": "header", "text": header}, _section(_line(notice)), *sections]


def _line(notice: Notice) -> str:
    incident = notice.incident
    parts = [f"{MARKS[notice.action]} *{notice.severity}*", f"incident `{incident.id}`", f"epoch {notice.epoch}"]
    parts.append(f"{notice.alert_count} alerts")
    if notice.action == "acknowledge":
        parts.append(f"by {escaped(incident.acknowledged_by or 'somebody')}")
    return " · ".join(parts)


def _told(told: Told) -> str:
    alert = told.alert
    lines = [
        f"*{escaped(alert.summary)}*",
        f"Seen: {escaped(alert.observed)}, allowed: {escaped(alert.threshold)}",
        f"In {escaped(alert.window)}, n = {alert.sample_size}",
        f"Owner: {escaped(alert.owner)}",
    ]
    lines += [f"Done already: {escaped(done)}" for done in alert.done_already[:3]]
    return "\n".join([*lines, f"Runbook: {alert.runbook}"] if alert.runbook else lines)


def _section(text: str) -> dict[str, Any]:
    return {"type": "section", "text": {"type": "mrkdwn", "text": text}}


def escaped(text: str) -> str:
    """Slack reads three characters as its own; an alert may not ping a channel with them."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
