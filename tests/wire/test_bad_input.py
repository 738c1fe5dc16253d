"""Bad records between good ones on real Kafka: each is rejected whole with its reason, and nobody else is hurt."""

import json
import shutil
import subprocess
from collections.abc import Mapping
from itertools import chain
from typing import Any

import pytest

from flyball.schemas.base import UNKNOWN_SYSTEM
from flyball.schemas.topics import AGENT_EVENTS, TELEMETRY_REJECTED
from flyball.stack import ServiceProcess
from tests.wire.bad_events import PARTITION, bad_events, good
from tests.wire.buried import buried_since, original
from tests.wire.outside import Answers, Broker, Letter, until
from tests.wire.readme import example_event

pytestmark = pytest.mark.stack


async def test_bad_events_are_rejected_and_their_neighbours_counted(
    broker: Broker, answers: Answers, services: Mapping[str, ServiceProcess], system: str
) -> None:
    bad = bad_events(system)
    since, unknown_before = broker.ends(TELEMETRY_REJECTED.name), await answers.totals(UNKNOWN_SYSTEM)
    neighbours = [good(system, key=system.encode() if number % 2 else None) for number in range(len(bad) + 1)]
    letters = list(chain.from_iterable(zip(neighbours, (item.letter(system) for item in bad), strict=False)))
    places = broker.publish([*letters, neighbours[-1]])[1::2]

    mine = sum(item.mine for item in bad)
    expected = {"published": len(neighbours) + mine, "counted": len(neighbours), "rejected": mine}
    totals = await until(lambda: answers.totals(system), lambda now: now["published"] >= expected["published"])
    assert totals == {**expected, "duplicates": 0, "late": 0}
    unknown = await answers.totals(UNKNOWN_SYSTEM)
    assert unknown["rejected"] - unknown_before["rejected"] == len(bad) - mine
    rejected = await buried_since(broker, TELEMETRY_REJECTED.name, since, set(places))
    for item, place in zip(bad, places, strict=True):
        assert told(rejected[place][0]) == (item.reason, item.field, item.counted_under(system)), item.name
        assert original(rejected[place][0]) == (item.letter(system).key, list(item.headers), item.body), item.name
    assert all(service.running for service in services.values())


async def test_a_header_whose_name_is_not_utf8_hurts_nobody(broker: Broker, answers: Answers, system: str) -> None:
    since = broker.ends(TELEMETRY_REJECTED.name)
    end = broker.ends(AGENT_EVENTS.name)[PARTITION]
    broker.publish([good(system)])
    # One producer batch of three, so that the bad name stands between neighbours on the wire too.
    kcat_with_a_bad_header_name(broker, [good(system).body, b"not JSON", good(system).body], system)
    broker.publish([good(system)])
    totals = await until(lambda: answers.totals(system), lambda now: now["published"] >= 5)
    assert totals == {"published": 5, "counted": 4, "duplicates": 0, "rejected": 1, "late": 0}
    place = (AGENT_EVENTS.name, PARTITION, end + 2)
    rejected = await buried_since(broker, TELEMETRY_REJECTED.name, since, {place})
    assert told(rejected[place][0]) == ("not_json", None, system)
    assert original(rejected[place][0]) == (system.encode(), [("trace-�", b"1")], b"not JSON")


def kcat_with_a_bad_header_name(broker: Broker, bodies: list[bytes], system: str) -> None:
    """librdkafka's Python binding refuses such a name; its command line takes any bytes."""
    program = shutil.which("kcat")
    if program is None:
        pytest.skip("kcat is absent: install Debian's kcat with infra/install-tools")
    where = ["-b", broker.bootstrap, "-t", AGENT_EVENTS.name, "-p", str(PARTITION), "-k", system]
    subprocess.run([program, "-P", *where, "-H", b"trace-\xff=1"], input=b"\n".join(bodies), check=True, timeout=30)


def told(event: dict[str, Any]) -> tuple[str, str | None, str]:
    return event["reason"], event["field"], event["system"]


async def test_text_that_postgres_cannot_hold_stops_no_ledger(broker: Broker, answers: Answers, system: str) -> None:
    broker.publish([evaluation(system, "judge"), evaluation(system, "jud\0ge"), evaluation(system, "judge")])
    budget = await until(
        lambda: answers.budget(system, "accuracy"), lambda now: now is not None and now["granted"] >= 3 * 50_000
    )
    assert budget is not None
    assert budget["granted"] == 3 * 50_000
    entries = (await answers.explanation(system, "accuracy"))["entries"]
    assert {entry["evaluator"] for entry in entries} == {"judge@1", "jud�ge@1"}


def evaluation(system: str, evaluator: str) -> Letter:
    data = {
        "interaction_id": "int-1",
        "release": "1.0.0",
        "metric": "factuality",
        "evaluator": evaluator,
        "evaluator_version": "1",
        "passed": True,
    }
    event = {**example_event(system), "type": "evaluation.recorded", "data": data}
    return Letter(AGENT_EVENTS.name, system.encode(), json.dumps(event).encode(), (), PARTITION)
