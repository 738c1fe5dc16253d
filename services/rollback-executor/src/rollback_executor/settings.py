"""What users can change. The rules of a rollout are not here: each rollout has its policy."""

from pydantic import Field, HttpUrl, SecretStr

from flyball.bus.settings import KafkaSettings
from flyball.observe.http import HttpSettings
from flyball.store.settings import StoreSettings


class Settings(KafkaSettings, StoreSettings, HttpSettings):
    """Environment variables with the prefix ``FLYBALL_``."""

    rollout_tick_seconds: float = Field(default=10.0, ge=0.1, le=60)
    rollout_observe_seconds: float = Field(default=5.0, ge=0.1, le=60)
    rollout_target_timeout_seconds: float = Field(default=5.0, gt=0, le=60)
    rollout_webhook_url: HttpUrl | None = None
    """Base of the webhook adapter; without it there is none."""
    rollout_webhook_secret: SecretStr | None = Field(default=None, min_length=16)
