"""Settings come from one mapping, so that several services can live in one process with different ones."""

from collections.abc import Mapping
from typing import Self

from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

PREFIX = "FLYBALL_"


class Settings(BaseSettings):
    """Frozen settings. A field ``kafka`` is read from ``FLYBALL_KAFKA``; fields the environment lacks keep defaults."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore")

    @classmethod
    def settings_customise_sources(
        cls, settings_cls: type[BaseSettings], init_settings: PydanticBaseSettingsSource, **others: object
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        del settings_cls, others
        return (init_settings,)

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Self:
        """Raises ``pydantic.ValidationError`` naming each field that is missing or wrong."""
        given = {name: environment.get(PREFIX + name.upper()) for name in cls.model_fields}
        return cls(**{name: value for name, value in given.items() if value is not None})
