"""Where Postgres and Redis are, and how to reach them safely."""

from pydantic import Field, SecretStr

from flyball.observe.settings import Settings


class StoreSettings(Settings):
    """``FLYBALL_POSTGRES`` and ``FLYBALL_REDIS`` are URLs; TLS is chosen in them (``sslmode=verify-full``, ``rediss://``)."""

    postgres: SecretStr
    redis: SecretStr | None = None
    postgres_connections_max: int = Field(default=4, ge=2, le=64)
    postgres_idle_transaction_seconds_max: int = Field(default=30, ge=5, le=600)
    """A process that hangs inside a transaction loses it, and its locks, after this time."""
    postgres_statement_seconds_max: int = Field(default=60, ge=1, le=600)
    redis_timeout_seconds: float = Field(default=5.0, gt=0, le=60)
