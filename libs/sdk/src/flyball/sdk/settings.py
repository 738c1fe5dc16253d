"""Where Flyball is and who this agent is: from ``init``, else from the environment, else nothing at all."""

from collections.abc import Mapping
from dataclasses import dataclass, field

KAFKA_OPTIONS = {
    "FLYBALL_KAFKA_SECURITY_PROTOCOL": "security.protocol",
    "FLYBALL_KAFKA_SASL_MECHANISM": "sasl.mechanism",
    "FLYBALL_KAFKA_USERNAME": "sasl.username",
    "FLYBALL_KAFKA_PASSWORD": "sasl.password",
    "FLYBALL_KAFKA_CA_FILE": "ssl.ca.location",
    "FLYBALL_KAFKA_CERTIFICATE_FILE": "ssl.certificate.location",
    "FLYBALL_KAFKA_KEY_FILE": "ssl.key.location",
}
"""The services' settings by librdkafka's names."""


@dataclass(frozen=True, slots=True)
class SdkSettings:
    """``kafka`` is a comma-separated list of ``host:port``; ``url`` answers decisions and approvals over HTTP."""

    kafka: str
    system: str
    release: str
    tenant: str = "default"
    evidence_epoch: str | None = None
    url: str | None = None
    token: str | None = field(default=None, repr=False)
    queue_max: int = 10_000
    """Events that may wait to be sent; more are dropped and counted."""
    recorded_seconds_max: float = 2.0
    """How long a write waits until the broker has its decision. Without that it does not run."""
    answer_seconds_max: float = 5.0
    kafka_options: Mapping[str, str] = field(default_factory=dict, repr=False)

    def client(self) -> dict[str, object]:
        """Configuration that every librdkafka client takes."""
        return {
            "bootstrap.servers": self.kafka,
            "client.id": f"flyball-sdk-{self.system}",
            # librdkafka writes to the agent's stderr, several lines a second while no broker answers.
            "log_level": 0,
            **self.kafka_options,
        }


def settings_from(environment: Mapping[str, str], **given: str | None) -> SdkSettings | None:
    """None where no broker or no system is named: then the SDK does nothing."""
    found = {name: given.get(name) or environment.get(f"FLYBALL_{name.upper()}") for name in given}
    kafka, system = found.get("kafka"), found.get("system")
    if not kafka or not system:
        return None
    options = {name: environment[variable] for variable, name in KAFKA_OPTIONS.items() if environment.get(variable)}
    return SdkSettings(
        kafka=kafka,
        system=system,
        release=found.get("release") or "unknown",
        tenant=found.get("tenant") or "default",
        evidence_epoch=found.get("evidence_epoch"),
        url=found.get("url"),
        token=found.get("token"),
        kafka_options=options,
    )
