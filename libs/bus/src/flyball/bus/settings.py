"""Where the broker is, and how to reach it safely."""

import ssl
from typing import Any, Literal

from pydantic import Field, FilePath, SecretStr, model_validator

from flyball.observe.settings import Settings


class KafkaSettings(Settings):
    """``FLYBALL_KAFKA`` and its neighbours. Bootstrap servers are ``host:port``, separated by commas."""

    kafka: str = Field(min_length=3, max_length=1_024)
    kafka_security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = "PLAINTEXT"
    kafka_sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = "SCRAM-SHA-512"
    kafka_username: str | None = Field(default=None, max_length=256)
    kafka_password: SecretStr | None = None
    kafka_ca_file: FilePath | None = None
    kafka_certificate_file: FilePath | None = None
    kafka_key_file: FilePath | None = None
    kafka_group_prefix: str = Field(default="", max_length=64, pattern=r"^[A-Za-z0-9._-]*$")
    """Before each consumer group: a second installation, or a replay into a fresh database, has groups of its own."""
    kafka_session_timeout_ms: int = Field(default=10_000, ge=1_000, le=300_000)
    kafka_request_timeout_ms: int = Field(default=15_000, ge=1_000, le=300_000)
    kafka_replication: int = Field(default=1, ge=1, le=7)

    @model_validator(mode="after")
    def _complete(self) -> "KafkaSettings":
        if self.kafka_security_protocol.startswith("SASL") and not (self.kafka_username and self.kafka_password):
            raise ValueError("SASL needs FLYBALL_KAFKA_USERNAME and FLYBALL_KAFKA_PASSWORD")
        return self

    def client(self) -> dict[str, Any]:
        """Keyword arguments that every aiokafka client takes."""
        arguments: dict[str, Any] = {
            "bootstrap_servers": self.kafka,
            "security_protocol": self.kafka_security_protocol,
            "request_timeout_ms": self.kafka_request_timeout_ms,
        }
        if self.kafka_security_protocol.endswith("SSL"):
            arguments["ssl_context"] = self.tls()
        if self.kafka_password is not None and self.kafka_security_protocol.startswith("SASL"):
            arguments["sasl_mechanism"] = self.kafka_sasl_mechanism
            arguments["sasl_plain_username"] = self.kafka_username
            arguments["sasl_plain_password"] = self.kafka_password.get_secret_value()
        return arguments

    def tls(self) -> ssl.SSLContext:
        """A verifying client context, with our own certificate where the broker asks for one."""
        context = ssl.create_default_context(cafile=self.kafka_ca_file)
        if self.kafka_certificate_file is not None:
            context.load_cert_chain(self.kafka_certificate_file, self.kafka_key_file)
        return context
