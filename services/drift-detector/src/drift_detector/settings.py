"""What users can change. Panes, lines and severities are not here: they are declared per system."""

from flyball.bus.settings import KafkaSettings
from flyball.observe.http import HttpSettings
from flyball.store.settings import StoreSettings


class Settings(KafkaSettings, StoreSettings, HttpSettings):
    """Environment variables with the prefix ``FLYBALL_``."""
