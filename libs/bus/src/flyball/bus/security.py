"""The same Kafka security settings, in the form that FastStream takes."""

from faststream.security import BaseSecurity, SASLPlaintext, SASLScram256, SASLScram512

from flyball.bus.settings import KafkaSettings

MECHANISMS = {"PLAIN": SASLPlaintext, "SCRAM-SHA-256": SASLScram256, "SCRAM-SHA-512": SASLScram512}


def faststream_security(settings: KafkaSettings) -> BaseSecurity | None:
    """None for a broker without security."""
    protocol = settings.kafka_security_protocol
    tls = settings.tls() if protocol.endswith("SSL") else None
    if settings.kafka_password is not None and protocol.startswith("SASL"):
        return MECHANISMS[settings.kafka_sasl_mechanism](
            username=settings.kafka_username or "",
            password=settings.kafka_password.get_secret_value(),
            use_ssl=tls is not None,
            ssl_context=tls,
        )
    return BaseSecurity(use_ssl=True, ssl_context=tls) if tls else None
