"""What users can change."""

import re
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field, Json, SecretStr

from flyball.bus.settings import KafkaSettings
from flyball.observe.http import HttpSettings
from flyball.store.settings import StoreSettings
from notifier.domain.policy import ALERTMANAGER, ON_CALL, PAGERDUTY, RECEIVER, ROOM, SLACK


def _or_none(value: object) -> object:
    """What compose passes on as an empty text was not given."""
    return None if value == "" else value


TLS_OR_LOOPBACK = r"^(https://|http://(127\.0\.0\.1|localhost|\[::1\])(:\d+)?(/|$))"
"""A routing key leaves this machine over TLS alone."""


def _safe(url: SecretStr | None) -> SecretStr | None:
    if url is not None and not re.match(TLS_OR_LOOPBACK, url.get_secret_value()):
        raise ValueError("an address is https, or http on loopback")
    return url


OptionalSecret = Annotated[SecretStr | None, BeforeValidator(_or_none)]
Contacts = dict[tuple[str, str], SecretStr]
"""Addresses by channel and target."""


class Settings(KafkaSettings, StoreSettings, HttpSettings):
    """Environment variables with the prefix ``FLYBALL_``."""

    pagerduty_routing_key: OptionalSecret = None
    pagerduty_url: str = Field(default="https://events.pagerduty.com", pattern=TLS_OR_LOOPBACK, max_length=2_048)
    slack_webhook_url: OptionalSecret = None
    alertmanager_webhook_url: OptionalSecret = None
    notifier_contacts: Annotated[Json[dict[str, dict[str, SecretStr]]] | None, BeforeValidator(_or_none)] = None
    """More contacts: JSON, addresses by target and channel."""
    notifier_policy: Annotated[Path | None, BeforeValidator(_or_none)] = None
    """A YAML file with fields of the policy; what it leaves out keeps its default."""
    notifier_heartbeat_url: Annotated[SecretStr | None, BeforeValidator(_or_none), AfterValidator(_safe)] = None
    """An outside checker that calls people when it hears nothing for a while."""
    notifier_heartbeat_seconds: float = Field(default=60.0, ge=1, le=3_600)
    notifier_late_seconds: float = Field(default=300.0, ge=10, le=3_600)
    """What should have been decided or sent for so long is stuck, and then the checker hears nothing."""
    notifier_keep_days: int = Field(default=400, ge=30, le=3_650)
    """How long incidents are kept after their end, and with them what can be decided again."""
    notifier_tick_seconds: float = Field(default=1.0, ge=0.05, le=60)
    """How often to look whether something is due, and whether an intent waits."""

    def contacts(self) -> Contacts:
        """Everybody who can be told."""
        usual = {
            (PAGERDUTY, ON_CALL): self.pagerduty_routing_key,
            (SLACK, ON_CALL): self.slack_webhook_url,
            (SLACK, ROOM): self.slack_webhook_url,
            (ALERTMANAGER, RECEIVER): self.alertmanager_webhook_url,
        }
        found = {contact: address for contact, address in usual.items() if address is not None}
        for target, channels in (self.notifier_contacts or {}).items():
            found.update({(channel, target): address for channel, address in channels.items()})
        return found
