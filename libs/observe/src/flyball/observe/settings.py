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
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        del settings_cls, env_settings, dotenv_settings, file_secret_settings
        return (init_settings,)

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Self:
        """Raises ``pydantic.ValidationError`` naming each field that is missing or wrong."""
        given = {name: environment.get(PREFIX + name.upper()) for name in cls.model_fields}
        return cls.model_validate({name: value for name, value in given.items() if value is not None})
