"""What users can change."""

from datetime import timedelta
from typing import Literal

from pydantic import Field

from flyball.bus.settings import KafkaSettings
from flyball.observe.http import HttpSettings
from flyball.store.settings import StoreSettings
from telemetry_ingest.domain.verdicts import Limits
from telemetry_ingest.ports import JoinLimits


class Settings(KafkaSettings, StoreSettings, HttpSettings):
    """Environment variables with the prefix ``FLYBALL_``."""

    ingest_batch_records_max: int = Field(default=5_000, ge=1, le=50_000)
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
