"""What users can change. Levels, limits and reviewers are not here: they are declared per system."""

from pydantic import Field, SecretStr

from flyball.bus.settings import KafkaSettings
from flyball.observe.http import HttpSettings
from flyball.store.settings import StoreSettings


class Settings(KafkaSettings, StoreSettings, HttpSettings):
    """Environment variables with the prefix ``FLYBALL_``."""

    postgres_connections_max: int = Field(default=12, ge=2, le=64)
    """One for each topic, the relay and the ticks; the rest is for HTTP."""
    agent_token: SecretStr | None = Field(default=None, min_length=16)
    """What agents send to ask for decisions and to start actions; it opens nothing else. None: agents have no HTTP."""
    tick_seconds: float = Field(default=0.5, ge=0.05, le=60)
    heartbeat_seconds: float = Field(default=2.0, ge=0.1, le=5)
    """A lease of 10 s must survive a lost heartbeat."""
