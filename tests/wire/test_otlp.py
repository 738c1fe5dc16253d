"""OpenTelemetry on real servers: from bytes on the topics, and from the real exporter, to interactions counted once."""

import random
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import httpx
import pytest
from google.protobuf.json_format import MessageToJson
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.sdk.trace import ReadableSpan

from flyball.schemas.summaries import TelemetrySummary
from flyball.schemas.topics import OTLP_LOGS, OTLP_SPANS, TELEMETRY_REJECTED, TELEMETRY_SUMMARIES
from flyball.stack import ServiceProcess
from tests.conftest import SERVICE_TOKEN
from tests.wire.buried import buried_since, original
from tests.wire.otlp_senders import SECRET, export, exporter, judgement, runs
from tests.wire.outside import Answers, Broker, Letter, until

pytestmark = pytest.mark.stack
RUNS, SPANS_OF_A_RUN = 20, 4
TOKENS_OF_A_RUN = 20
BAD = [
    (b"neither protobuf nor JSON", "not_protobuf"),
    (b"\x0a\x7b" + b"x" * 123, "not_protobuf"),
    (b'{"resourceSpans": [', "not_json"),
    (b"", "empty_body"),
]
"""The second begins as JSON with a line feed would, and is protobuf, cut to pieces."""


async def test_bytes_on_the_topic_become_interactions_and_bad_ones_are_rejected_whole(
    broker: Broker, answers: Answers, system: str
) -> None:
    since = {name: broker.ends(name) for name in (TELEMETRY_REJECTED.name, TELEMETRY_SUMMARIES.name)}
    broker.publish(letters(runs(system, "1.2.3", RUNS)))
    places = broker.publish([Letter(OTLP_SPANS.name, None, body, (), 3) for body, _ in BAD])
    await counted(answers, system, RUNS)
    assert sums(broker, since[TELEMETRY_SUMMARIES.name], system) == {
        "interactions": RUNS,
        "input_tokens": RUNS * TOKENS_OF_A_RUN,
        "of 1.2.3": RUNS,
    }
    rejected = await buried_since(broker, TELEMETRY_REJECTED.name, since[TELEMETRY_REJECTED.name], set(places))
    for (body, reason), place in zip(BAD, places, strict=True):
        assert rejected[place][0]["reason"] == reason
        assert original(rejected[place][0])[2] == body
    await conserved(answers)


async def test_what_the_real_exporter_sends_over_http_is_counted_once(
    broker: Broker, answers: Answers, system: str
) -> None:
    since = broker.ends(TELEMETRY_SUMMARIES.name)
    sent = {name: broker.ends(name) for name in (OTLP_SPANS.name, OTLP_LOGS.name)}
    spans = [span for trace in runs(system, "1.0.0", RUNS) for span in trace]
    async with exporter(answers.urls["telemetry-ingest"], SERVICE_TOKEN) as sender:
        # Sent again, as after an answer that was lost.
        assert [await export(sender, spans), await export(sender, spans[:40])] == [True, True]
    async with exporter(answers.urls["telemetry-ingest"], "not-the-service's-token") as stranger:
        assert not await export(stranger, spans)
    await counted(answers, system, RUNS)
    assert sums(broker, since, system)["input_tokens"] == RUNS * TOKENS_OF_A_RUN
    answer = next(told for span in spans if (told := (span.attributes or {}).get("gen_ai.response.id")))
    headers = {"authorization": f"Bearer {SERVICE_TOKEN}", "content-type": "application/x-protobuf"}
    async with httpx.AsyncClient(base_url=answers.urls["telemetry-ingest"], headers=headers) as evaluator:
        assert (await evaluator.post("/v1/logs", content=judgement(answer, time.time_ns()))).status_code == 200
    # A judgement that names no system, but an answer of this one's.
    await counted(answers, system, RUNS + 1)
    messages = [message.value() or b"" for name, ends in sent.items() for message in broker.read(name, ends)]
    assert len(messages) > RUNS
    assert not any(SECRET.encode() in body for body in messages), "what was said does not stand on a topic"


async def test_a_replica_killed_in_the_middle_loses_and_doubles_nothing(
    environment: Mapping[str, str], broker: Broker, answers: Answers, system: str, tmp_path: Path
) -> None:
    since = broker.ends(TELEMETRY_SUMMARIES.name)
    quick = {**environment, "FLYBALL_KAFKA_SESSION_TIMEOUT_MS": "2000"}
    second = ServiceProcess("telemetry-ingest", quick, tmp_path, replica=2)
    try:
        await second.start()
        traces = runs(system, "1.0.0", 3 * RUNS)
        for start in range(0, len(traces), RUNS // 2):
            broker.publish(letters(traces[start : start + RUNS // 2]))
            if start >= len(traces) // 2 and second.running:
                await second.kill()
    finally:
        await second.kill()
    await counted(answers, system, 3 * RUNS)
    # Whoever published before it died may have published again: a summary is one by its id.
    assert sums(broker, since, system)["input_tokens"] == 3 * RUNS * TOKENS_OF_A_RUN
    await conserved(answers)


def letters(traces: Sequence[Sequence[ReadableSpan]]) -> list[Letter]:
    """Each trace in messages of one or two spans, of either form, shuffled; some of them twice."""
    found = []
    for trace in traces:
        for part in (trace[:1], trace[1:3], trace[3:]):
            message = encode_spans(part)
            as_json = MessageToJson(message).encode()
            body = as_json if random.random() < 0.5 else message.SerializeToString()
            key = f"{trace[0].context.trace_id:032x}".encode()
            found += [Letter(OTLP_SPANS.name, key, body)] * random.choice((1, 1, 2))
    random.shuffle(found)
    return found


async def counted(answers: Answers, system: str, interactions: int) -> None:
    totals = await until(lambda: answers.totals(system), lambda now: now["counted"] >= interactions)
    assert (totals["counted"], totals["rejected"], totals["late"]) == (interactions, 0, 0)


async def conserved(answers: Answers) -> None:
    """Received = used + not of interest + duplicate + late + left out + rejected + waiting."""
    headers = {"authorization": f"Bearer {SERVICE_TOKEN}"}
    async with httpx.AsyncClient(base_url=answers.urls["telemetry-ingest"], headers=headers) as client:
        for item in (await client.get("/v1/otlp")).json()["items"]:
            fates = {name: number for name, number in item.items() if name not in ("signal", "last_seen_ms")}
            assert fates.pop("received") == sum(fates.values()), item


def sums(broker: Broker, since: Mapping[int, int], system: str) -> Counter[str]:
    """What the summaries of a system add up to."""
    found: Counter[str] = Counter()
    messages: dict[str, Any] = {}
    for message in broker.read(TELEMETRY_SUMMARIES.name, since):
        if message.key() == system.encode():
            messages[dict(message.headers())["ce_id"]] = message
    for message in messages.values():
        summary = TelemetrySummary.model_validate_json(message.value())
        found["interactions"] += summary.interactions.count
        found["input_tokens"] += summary.interactions.input_tokens.total
        found[f"of {summary.release}"] += summary.interactions.count
    return +found
