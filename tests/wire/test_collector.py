"""The Collector's configuration says what the topics need; and where its program is at hand, it does so.

``FLYBALL_OTELCOL`` names the program, version 0.155 of the contrib distribution: infra/otel-collector/README.md.
"""

import os
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from flyball.bus.partitions import partition_of
from flyball.schemas.topics import OTLP_LOGS, OTLP_SPANS
from flyball.stack import LocalStack
from flyball.stack.ports import claim_port
from flyball.stack.process import ChildProcess
from tests.wire.otlp_senders import SECRET, export, exporter, runs
from tests.wire.outside import Broker, until

INFRA = Path(__file__).parents[2] / "infra/otel-collector"
PROGRAM = os.environ.get("FLYBALL_OTELCOL")
TOKEN = "agents-token-of-the-tests"
START_SECONDS = 20


def configuration() -> Any:
    return yaml.safe_load((INFRA / "config.yaml").read_text(encoding="utf-8"))


def test_what_is_acknowledged_is_on_disk_or_on_all_replicas() -> None:
    kafka = configuration()["exporters"]["kafka"]
    assert kafka["producer"]["required_acks"] == -1
    assert kafka["producer"]["allow_auto_topic_creation"] is False
    assert kafka["retry_on_failure"]["max_elapsed_time"] == 0
    assert kafka["sending_queue"]["storage"] in configuration()["service"]["extensions"]
    assert configuration()["extensions"]["file_storage/queue"]["fsync"] is True
    assert not any(name.startswith("batch") for name in configuration().get("processors", {})), "it holds what is lost"


def test_the_topics_are_those_of_the_table_and_a_trace_has_one_partition() -> None:
    kafka = configuration()["exporters"]["kafka"]
    assert kafka["traces"] == {"topic": OTLP_SPANS.name, "encoding": "otlp_proto"}
    assert kafka["logs"] == {"topic": OTLP_LOGS.name, "encoding": "otlp_proto"}
    assert kafka["partition_traces_by_id"] is kafka["partition_logs_by_trace_id"] is True
    assert kafka["record_partitioner"] == {"sticky_key": {"hasher": "murmur2"}}
    assert kafka["producer"]["max_message_bytes"] < OTLP_SPANS.record_bytes_max


def test_every_pipeline_limits_memory_first_and_drops_contents() -> None:
    for pipeline in configuration()["service"]["pipelines"].values():
        assert pipeline["processors"] == ["memory_limiter", "transform/contents"]
    protocols = configuration()["receivers"]["otlp"]["protocols"]
    for protocol in protocols.values():
        assert protocol["auth"] == {"authenticator": "bearertokenauth"}
        assert ":-127.0.0.1}" in protocol["endpoint"]


if PROGRAM is not None:

    @asynccontextmanager
    async def collector(bootstrap: str, folder: Path) -> AsyncIterator[tuple[ChildProcess, str]]:
        ports = {name: claim_port(0, f"the Collector's {name}") for name in ("grpc", "http", "health")}
        settings = {
            "receivers.otlp.protocols.grpc.endpoint": f"127.0.0.1:{ports['grpc']}",
            "receivers.otlp.protocols.http.endpoint": f"127.0.0.1:{ports['http']}",
            "extensions.health_check.endpoint": f"127.0.0.1:{ports['health']}",
        }
        process = ChildProcess(
            "otelcol",
            [
                PROGRAM,
                "--config",
                str(INFRA / "config.yaml"),
                *(f"--set={key}={value}" for key, value in settings.items()),
            ],
            folder / "otelcol.log",
            environment={
                **os.environ,
                "FLYBALL_KAFKA": bootstrap,
                "FLYBALL_AGENT_TOKEN": TOKEN,
                "FLYBALL_OTELCOL_QUEUE": str(folder / "queue"),
            },
        )
        try:
            await process.start(lambda: _is_up(ports["health"]), START_SECONDS)
            yield process, f"http://127.0.0.1:{ports['http']}"
        finally:
            await process.kill()

    async def _is_up(port: int) -> bool:
        try:
            async with httpx.AsyncClient() as client:
                return (await client.get(f"http://127.0.0.1:{port}/")).is_success
        except httpx.TransportError:
            return False

    @pytest.mark.stack
    async def test_the_collector_writes_whole_traces_without_contents_and_survives_its_death(
        full_stack: LocalStack, broker: Broker, tmp_path: Path, system: str
    ) -> None:
        since = broker.ends(OTLP_SPANS.name)
        traces = runs(system, "1.0.0", 8)
        async with collector(full_stack.environment["FLYBALL_KAFKA"], tmp_path) as (_, url):
            async with exporter(url, "somebody-else's-token") as stranger:
                assert not await export(stranger, traces[0])
            async with exporter(url, TOKEN) as sender:
                assert await export(sender, [span for trace in traces[:4] for span in trace])
                found = await until(lambda: spans_since(broker, since), lambda found: len(found) == 16)
        assert len(found) == 16
        # Nobody listens there: what is taken is on disk, and dies with nobody.
        async with collector("127.0.0.1:1", tmp_path) as (process, url), exporter(url, TOKEN) as sender:
            assert await export(sender, [span for trace in traces[4:] for span in trace])
            await process.kill()
        async with collector(full_stack.environment["FLYBALL_KAFKA"], tmp_path):
            found = await until(lambda: spans_since(broker, since), lambda found: len(found) == 32)
        assert {span for spans in traces for span in map(_id, spans)} == found.keys()

    def _id(span: Any) -> bytes:
        return span.context.span_id.to_bytes(8, "big")

    async def spans_since(broker: Broker, since: Mapping[int, int]) -> dict[bytes, Any]:
        found = {}
        for message in broker.read(OTLP_SPANS.name, since):
            assert SECRET.encode() not in message.value()
            spans = _spans(message.value())
            (trace_id,) = {span.trace_id for span in spans}
            assert message.key() == trace_id.hex().encode()
            assert message.partition() == partition_of(message.key(), OTLP_SPANS.partitions)
            found |= {span.span_id: span for span in spans}
        return found

    def _spans(body: bytes) -> list[Any]:
        resources = ExportTraceServiceRequest.FromString(body).resource_spans
        return [span for resource in resources for scope in resource.scope_spans for span in scope.spans]
