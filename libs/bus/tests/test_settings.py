import ssl

import pytest
from faststream.security import SASLScram512

from flyball.bus.security import faststream_security
from flyball.bus.settings import KafkaSettings
from flyball.observe.settings import SettingsError

PLAIN = {"FLYBALL_KAFKA": "broker:9092"}
SASL = {
    **PLAIN,
    "FLYBALL_KAFKA_SECURITY_PROTOCOL": "SASL_SSL",
    "FLYBALL_KAFKA_USERNAME": "ingest",
    "FLYBALL_KAFKA_PASSWORD": "do-not-tell",
}


def test_a_broker_address_is_required() -> None:
    with pytest.raises(SettingsError, match="FLYBALL_KAFKA: "):
        KafkaSettings.from_environment({})


def test_sasl_without_a_password_is_refused() -> None:
    with pytest.raises(SettingsError, match="FLYBALL_KAFKA_PASSWORD"):
        KafkaSettings.from_environment({**PLAIN, "FLYBALL_KAFKA_SECURITY_PROTOCOL": "SASL_SSL"})


def test_sasl_and_tls_reach_both_clients() -> None:
    settings = KafkaSettings.from_environment(SASL)
    arguments = settings.client()
    assert arguments["sasl_plain_username"] == "ingest"
    assert arguments["sasl_plain_password"] == "do-not-tell"
    assert arguments["ssl_context"].verify_mode is ssl.CERT_REQUIRED
    security = faststream_security(settings)
    assert isinstance(security, SASLScram512)
    assert security.use_ssl


def test_secrets_stay_out_of_what_is_printed() -> None:
    assert "do-not-tell" not in repr(KafkaSettings.from_environment(SASL))


def test_a_plain_broker_needs_nothing() -> None:
    settings = KafkaSettings.from_environment(PLAIN)
    assert settings.client()["security_protocol"] == "PLAINTEXT"
    assert faststream_security(settings) is None
