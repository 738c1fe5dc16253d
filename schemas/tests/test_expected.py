"""Names in ``telemetry.expectations`` that no event has are told with what they are near to."""

import pytest

from flyball.schemas.expected import fields, unknown_expectations
from flyball.schemas.telemetry import Expectation, TelemetryPolicy


def told(name: str) -> list[str]:
    policy = TelemetryPolicy(expectations={name: Expectation(required=True)})
    return [f"{'.'.join(path)}: {cause}" for path, cause in unknown_expectations(policy)]


@pytest.mark.parametrize("name", [*fields(), "features.amount", "segment.market", "probabilities.yes", "features.a.b"])
def test_what_an_event_may_have_is_known(name: str) -> None:
    assert told(name) == []


@pytest.mark.parametrize(
    ("name", "advice"),
    [
        ("latency", "did you mean latency_ms?"),
        ("cost_usd", "did you mean cost_micro_usd?"),
        ("feature.amount", "did you mean features.amount?"),
        ("features", "say which of its values, as features.NAME"),
        ("segment.", "say which of its values, as segment.NAME"),
        ("Segment.plan", "did you mean segment.plan?"),
        ("x", "fields are those of data in schemas/json/agent.events.v1.json, features are features.NAME"),
    ],
)
def test_what_none_has_is_told_with_the_nearest_name(name: str, advice: str) -> None:
    assert told(name) == [f"telemetry.expectations.{name}: no event has such a field; {advice}"]
