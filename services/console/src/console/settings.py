"""What users can change."""

from datetime import timedelta
from pathlib import Path

from pydantic import Field, field_validator

from console.domain.tokens import tokens_by_digest
from flyball.bus.settings import KafkaSettings
from flyball.observe.http import HttpSettings
from flyball.store.settings import StoreSettings

MEBIBYTE = 1_048_576


class Settings(KafkaSettings, StoreSettings, HttpSettings):
    """Environment variables with the prefix ``FLYBALL_``."""

    postgres_connections_max: int = Field(default=8, ge=2, le=64)
    """More than other services have: eight topics, the pages and their streams share them."""
    api_tokens: str = Field(max_length=65_536)
    """Who may use the API: ``name:role:digest[:expires]``, separated by commas; the digest is the token's SHA-256."""
    telemetry_ingest_url: str = Field(default="http://telemetry-ingest:8080", pattern=r"^https?://")
    budget_ledger_url: str = Field(default="http://budget-ledger:8080", pattern=r"^https?://")
    drift_detector_url: str = Field(default="http://drift-detector:8080", pattern=r"^https?://")
    audit_log_url: str = Field(default="http://audit-log:8080", pattern=r"^https?://")
    autonomy_controller_url: str = Field(default="http://autonomy-controller:8080", pattern=r"^https?://")
    notifier_url: str = Field(default="http://notifier:8080", pattern=r"^https?://")
    rollback_executor_url: str = Field(default="http://rollback-executor:8080", pattern=r"^https?://")
    answer_seconds_max: float = Field(default=5.0, gt=0, le=60)
    """How long another service may take to answer before it counts as unreachable."""
    spec_notice_seconds: int = Field(default=30, ge=10, le=86_400)
    rejected_records_per_system_max: int = Field(default=10_000, ge=1, le=1_000_000)
    events_request_bytes_max: int = Field(default=8 * MEBIBYTE, ge=1_024, le=64 * MEBIBYTE)
    events_request_events_max: int = Field(default=10_000, ge=1, le=100_000)
    events_requests_at_once_max: int = Field(default=8, ge=1, le=256)
    """With the bytes of one request, this bounds the memory that sending takes."""
    publish_seconds_max: float = Field(default=20.0, gt=0, le=120)
    live_clients_max: int = Field(default=32, ge=1, le=1_000)
    """Of the budgets' live view, and as many open pages."""
    users_file: Path | None = None
    """Local users, a line ``name:role:hash`` each; `python -m console.passwords` prints one."""
    session_hours: int = Field(default=12, ge=1, le=168)
    cookies_secure: bool = True
    """Cookies over TLS alone. False for a console on loopback without TLS."""

    @property
    def session_lasts(self) -> timedelta:
        return timedelta(hours=self.session_hours)

    @field_validator("api_tokens")
    @classmethod
    def _readable(cls, value: str) -> str:
        tokens_by_digest(value)
        return value

    @property
    def spec_notice(self) -> timedelta:
        return timedelta(seconds=self.spec_notice_seconds)
