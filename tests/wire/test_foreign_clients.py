"""Agents need no library of ours: the README's event, sent by any Kafka client, is counted."""

import json
import shutil
import subprocess
from typing import Any

import pytest

from flyball.schemas.topics import AGENT_EVENTS
from tests.wire.outside import Answers, Broker, Letter, until
from tests.wire.readme import binary_headers, example_event

pytestmark = pytest.mark.stack
ONE_COUNTED = {"published": 1, "counted": 1, "duplicates": 0, "rejected": 0, "late": 0}


async def counted(answers: Answers, system: str) -> dict[str, int]:
    return await until(lambda: answers.totals(system), lambda totals: totals["published"] >= 1)


def kcat(broker: Broker, system: str, body: Any, *options: str) -> None:
    """``kcat -P`` with the body on its standard input."""
    program = shutil.which("kcat")
    if program is None:
        pytest.skip("kcat is absent: install Debian's kcat with infra/install-tools")
    command = [program, "-P", "-b", broker.bootstrap, "-t", AGENT_EVENTS.name, "-k", system, *options]
    subprocess.run(command, input=json.dumps(body).encode(), check=True, timeout=30)


async def test_kcat_in_structured_mode(broker: Broker, answers: Answers, system: str) -> None:
    kcat(broker, system, example_event(system))
    assert await counted(answers, system) == ONE_COUNTED


async def test_kcat_in_binary_mode(broker: Broker, answers: Answers, system: str) -> None:
    event = example_event(system)
    headers = [f"{name}={value.decode()}" for name, value in binary_headers(event)]
    kcat(broker, system, event["data"], *(word for header in headers for word in ("-H", header)))
    assert await counted(answers, system) == ONE_COUNTED


async def test_confluent_kafka_in_structured_mode(broker: Broker, answers: Answers, system: str) -> None:
    broker.publish([Letter(AGENT_EVENTS.name, system.encode(), json.dumps(example_event(system)).encode())])
    assert await counted(answers, system) == ONE_COUNTED


async def test_confluent_kafka_in_binary_mode(broker: Broker, answers: Answers, system: str) -> None:
    event = example_event(system)
    body = json.dumps(event["data"]).encode()
    broker.publish([Letter(AGENT_EVENTS.name, system.encode(), body, binary_headers(event))])
    assert await counted(answers, system) == ONE_COUNTED


async def test_the_same_event_from_two_clients_counts_once(broker: Broker, answers: Answers, system: str) -> None:
    event = example_event(system)
    kcat(broker, system, event)
    body = json.dumps(event["data"]).encode()
    broker.publish([Letter(AGENT_EVENTS.name, system.encode(), body, binary_headers(event))])
    totals = await until(lambda: answers.totals(system), lambda totals: totals["published"] >= 2)
    assert totals == {**ONE_COUNTED, "published": 2, "duplicates": 1}


@pytest.mark.parametrize("codec", ["gzip", "snappy", "lz4", "zstd"])
async def test_whatever_an_agent_compresses_with(broker: Broker, answers: Answers, system: str, codec: str) -> None:
    # Padding that readers ignore: what does not shrink is sent as it is.
    kcat(broker, system, {**example_event(system), "padding": "x" * 5_000}, "-z", codec)
    assert await counted(answers, system) == ONE_COUNTED
