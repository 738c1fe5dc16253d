"""What users can change."""

from datetime import timedelta
from typing import Literal

from pydantic import Field, SecretStr

from flyball.bus.settings import KafkaSettings
from flyball.observe.http import HttpSettings
from flyball.store.settings import StoreSettings
from telemetry_ingest.domain.otlp.judging import OtlpLimits
from telemetry_ingest.domain.otlp.traces import TraceLimits
from telemetry_ingest.domain.verdicts import Limits
from telemetry_ingest.otlp_http import GatewayLimits
from telemetry_ingest.otlp_ports import Encoding
from telemetry_ingest.ports import JoinLimits


class Settings(KafkaSettings, StoreSettings, HttpSettings):
    """Environment variables with the prefix ``FLYBALL_``."""

    ingest_batch_records_max: int = Field(default=20_000, ge=1, le=50_000)
    event_bytes_max: int = Field(default=1_048_576, ge=1_024, le=4_194_304)
    event_future_seconds_max: int = Field(default=300, ge=0, le=86_400)
    event_past_days_max: int = Field(default=7, ge=1, le=30)
    event_late_after_seconds: int = Field(default=300, ge=1, le=86_400)
    duplicate_horizon_hours: int = Field(default=24, ge=1, le=168)
    duplicate_lag_margin_hours: int = Field(default=6, ge=0, le=168)
    accept_lost_ids: bool = False
    undeclared: Literal["count", "refuse"] = "count"
    """What becomes of events of a system that nobody has declared."""
    join_memory_mib_max: int = Field(default=256, ge=1, le=65_536)
    join_system_share_percent_max: int = Field(default=50, ge=1, le=100)

    otlp_encoding: Encoding = "auto"
    """Of messages on the topics. ``auto``: what begins with a brace is JSON."""
    otlp_batch_messages_max: int = Field(default=500, ge=1, le=10_000)
    otlp_settle_seconds: int = Field(default=5, ge=1, le=300)
    otlp_bind_seconds: int = Field(default=30, ge=1, le=3_600)
    otlp_horizon_minutes: int = Field(default=15, ge=1, le=1_440)
    otlp_remember_minutes: int = Field(default=60, ge=1, le=1_440)
    otlp_trace_spans_max: int = Field(default=2_000, ge=1, le=20_000)
    otlp_waiting_traces_max: int = Field(default=20_000, ge=1, le=1_000_000)
    """In one partition."""
    otlp_tick_seconds: float = Field(default=2.0, ge=0.2, le=60)
    agent_token: SecretStr | None = Field(default=None, min_length=16)
    """What agents send to hand in OTLP over HTTP; it opens nothing else. None: they send the service token."""
    otlp_http_without_token: bool = False
    otlp_requests_at_once_max: int = Field(default=8, ge=1, le=64)
    otlp_request_bytes_max: int = Field(default=4_190_208, ge=1_024, le=4_190_208)
    """What the topic takes, less room for key and framing."""

    def trace_limits(self) -> TraceLimits:
        return TraceLimits(
            settle_ms=self.otlp_settle_seconds * 1_000,
            bind_ms=self.otlp_bind_seconds * 1_000,
            horizon_ms=self.otlp_horizon_minutes * 60_000,
            remember_ms=self.otlp_remember_minutes * 60_000,
            spans_max=self.otlp_trace_spans_max,
        )

    @property
    def agents(self) -> str | None:
        """The token that opens OTLP over HTTP beside that of our services."""
        return self.agent_token.get_secret_value() if self.agent_token else None

    def otlp_limits(self) -> OtlpLimits:
        return OtlpLimits(
            future_ns_max=self.event_future_seconds_max * 10**9, past_ns_max=self.event_past_days_max * 86_400 * 10**9
        )

    def gateway_limits(self) -> GatewayLimits:
        return GatewayLimits(self.otlp_requests_at_once_max, self.otlp_request_bytes_max)

    def join_limits(self) -> JoinLimits:
        bytes_max = self.join_memory_mib_max * 1_048_576
        return JoinLimits(
            bytes_max=bytes_max,
            system_bytes_max=bytes_max * self.join_system_share_percent_max // 100,
            lag_margin=timedelta(hours=self.duplicate_lag_margin_hours),
        )

    @property
    def refuses_undeclared(self) -> bool:
        return self.undeclared == "refuse"

    def limits(self) -> Limits:
        return Limits(
            body_bytes_max=self.event_bytes_max,
            future_max=timedelta(seconds=self.event_future_seconds_max),
            past_max=timedelta(days=self.event_past_days_max),
            late_after=timedelta(seconds=self.event_late_after_seconds),
        )
