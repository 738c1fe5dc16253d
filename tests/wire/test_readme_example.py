"""The README's event is one that we read, in both modes; that it is also counted is shown with real clients."""

import json

from flyball.schemas.envelope import read_agent_event
from tests.wire.readme import binary_headers, example_event


def test_the_example_is_an_event_in_both_modes() -> None:
    event = example_event("claims-agent")
    structured = read_agent_event((), json.dumps(event).encode())
    assert structured.type == "interaction.completed"
    assert structured == read_agent_event(binary_headers(event), json.dumps(event["data"]).encode())
