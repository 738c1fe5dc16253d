"""Settings come from one mapping, so that several services can live in one process with different ones."""

from collections.abc import Mapping
from typing import Self

from pydantic import ValidationError
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
        """Raises ``SettingsError`` naming each variable that is missing or wrong."""
        given = {name: environment.get(PREFIX + name.upper()) for name in cls.model_fields}
        try:
            return cls.model_validate({name: value for name, value in given.items() if value is not None})
        except ValidationError as error:
            raise SettingsError(error) from error


class SettingsError(Exception):
    """The environment lacks a setting, or has one that cannot be."""

    def __init__(self, error: ValidationError) -> None:
        wrong = error.errors(include_url=False, include_input=False)
        lines = [
            f"  {PREFIX}{str(item['loc'][0]).upper()}: {item['msg']}" if item["loc"] else f"  {item['msg']}"
            for item in wrong
        ]
        super().__init__("\n".join(lines))
