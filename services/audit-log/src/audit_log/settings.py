"""What users can change."""

from pathlib import Path

from pydantic import Field

from flyball.bus.settings import KafkaSettings
from flyball.observe.http import HttpSettings
from flyball.store.settings import StoreSettings


class Settings(KafkaSettings, StoreSettings, HttpSettings):
    """Environment variables with the prefix ``FLYBALL_``. Key and checkpoints belong on volumes of their own."""

    audit_key_file: Path
    audit_checkpoint_file: Path
    """Neither has a default: checkpoints of another database would say that this one was made anew."""
    audit_checkpoint_seconds: float = Field(default=60.0, gt=0, le=86_400)
