"""OTLP over HTTP: messages go to the topics that the Collector writes, and are answered when the broker has them."""

import asyncio
import secrets
import time
import zlib
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final

from google.protobuf.json_format import MessageToJson
from google.rpc.status_pb2 import Status
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceResponse
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from flyball.bus.relay import Publisher
from flyball.observe.bodies import BodyTooLargeError, body_of
from flyball.observe.http import Endpoint, with_token
from flyball.schemas.topics import OTLP_LOGS, OTLP_SPANS
from flyball.schemas.unreadable import Unreadable
from flyball.store.errors import Transient
from flyball.store.ports import Outgoing
from telemetry_ingest.adapters.otlp_contents import logs_without_contents, spans_without_contents
from telemetry_ingest.adapters.otlp_parts import Part, parts_by_trace
from telemetry_ingest.domain.otlp.facts import OtlpRead
from telemetry_ingest.otlp import TICK, Read
from telemetry_ingest.otlp_ports import Encoding, Reader

JSON: Final = "application/json"
PROTOBUF: Final = "application/x-protobuf"
GZIP: Final = 16 + zlib.MAX_WBITS
GZIP_MEMBERS_MAX: Final = 16
"""What is left is copied for each of them."""
INVALID_ARGUMENT, RESOURCE_EXHAUSTED, UNAVAILABLE = 3, 8, 14
"""Codes of ``google.rpc.Code``."""
RETRY_SECONDS: Final = "2"
DETAIL_CHARACTERS_MAX: Final = 256


@dataclass(frozen=True, slots=True)
class GatewayLimits:
    """What may be in memory at once: so many requests of so many bytes, twice where they are compressed."""

    requests_at_once_max: int
    request_bytes_max: int
    request_seconds_max: float = 10.0


class Refusal(Exception):
    """The answer to a request that is not taken. Senders repeat 429 and 503, and give up on everything else."""

    def __init__(self, status: int, code: int, message: str) -> None:
        super().__init__(message)
        self.status, self.code, self.message = status, code, message


@dataclass(frozen=True, slots=True)
class Signal:
    """One kind of message: how it is read, where it goes, and what is answered."""

    topic: str
    read: Read
    without_contents: Callable[[bytes, Encoding], bytes]
    split: Callable[[bytes, Encoding], Sequence[Part]]
    answer: Callable[[OtlpRead], Any]


@dataclass(slots=True)
class Gateway:
    """Takes messages as they are, but for what people and models said to each other.

    Bad parts are told to the sender, and rejected on the record like any others.
    """

    publisher: Publisher
    limits: GatewayLimits
    reader: Reader
    clock_ns: Callable[[], int] = time.time_ns
    _slots: asyncio.Semaphore = field(init=False)

    def __post_init__(self) -> None:
        self._slots = asyncio.Semaphore(self.limits.requests_at_once_max)

    def routes(self, guarded: Callable[[Endpoint], Endpoint]) -> list[Route]:
        spans = Signal(OTLP_SPANS.name, self.reader.traces, spans_without_contents, parts_by_trace, _of_spans)
        logs = Signal(OTLP_LOGS.name, self.reader.logs, logs_without_contents, lambda body, _: [(None, body)], _of_logs)
        return [
            Route("/v1/traces", guarded(self._endpoint(spans)), methods=["POST"]),
            Route("/v1/logs", guarded(self._endpoint(logs)), methods=["POST"]),
        ]

    def _endpoint(self, signal: Signal) -> Endpoint:
        async def export(request: Request) -> Response:
            media_type = _media_type(request)
            try:
                return _message(200, await self._take(request, signal, media_type), media_type)
            except Refusal as refusal:
                return _refused(refusal, media_type)

        return export

    async def _take(self, request: Request, signal: Signal, media_type: str) -> Any:
        if media_type not in (JSON, PROTOBUF):
            raise Refusal(415, INVALID_ARGUMENT, f"send {PROTOBUF} or {JSON}")
        async with self._slot():
            body = await self._body(request)
            # The topic tells JSON from protobuf by the brace that it begins with.
            body = body.strip() if media_type == JSON else body
            if body in (b"", TICK):
                return signal.answer(OtlpRead())
            encoding: Encoding = "json" if media_type == JSON else "protobuf"
            read = self._read(signal, body, encoding)
            parts = signal.split(signal.without_contents(body, encoding), encoding)
            await self._publish([Outgoing(signal.topic, key or b"", (), part) for key, part in parts])
        return signal.answer(read)

    def _read(self, signal: Signal, body: bytes, encoding: Encoding) -> OtlpRead:
        try:
            return signal.read(body, encoding, self.clock_ns())
        except Unreadable as error:
            text = f"{error.reason} at {error.field or 'the message'}: {error.detail}"
            raise Refusal(400, INVALID_ARGUMENT, text[:DETAIL_CHARACTERS_MAX]) from error

    @asynccontextmanager
    async def _slot(self) -> AsyncIterator[None]:
        """Requests do not queue here: who comes too early is told so, and holds no body in memory meanwhile."""
        if self._slots.locked():
            raise Refusal(429, RESOURCE_EXHAUSTED, "too many requests at once; send this one again in a moment")
        async with self._slots:
            yield

    async def _body(self, request: Request) -> bytes:
        most = self.limits.request_bytes_max
        try:
            async with asyncio.timeout(self.limits.request_seconds_max):
                body = await body_of(request, most)
        except BodyTooLargeError as error:
            raise Refusal(413, INVALID_ARGUMENT, f"{error}; send smaller batches") from error
        except TimeoutError as error:
            raise Refusal(408, UNAVAILABLE, "the body did not come in time") from error
        encoding = request.headers.get("content-encoding", "identity").strip().lower()
        if encoding == "gzip":
            return _inflated(body, most)
        if encoding not in ("", "identity"):
            raise Refusal(415, INVALID_ARGUMENT, "send Content-Encoding gzip, or none")
        return body

    async def _publish(self, messages: Sequence[Outgoing]) -> None:
        try:
            async with asyncio.timeout(self.limits.request_seconds_max):
                await self.publisher.publish(messages)
        except (Transient, TimeoutError) as error:
            text = "Kafka has not acknowledged this; send it again, what did arrive is told by its ids"
            raise Refusal(503, UNAVAILABLE, text) from error


def for_agents(service_token: str, agent_token: str | None, *, is_open: bool) -> Callable[[Endpoint], Endpoint]:
    """Let agents in with their token, if there is one, and our services with theirs; everybody where it is open."""

    def guarded(endpoint: Endpoint) -> Endpoint:
        by_service = with_token(service_token, endpoint)
        if is_open:
            return endpoint
        if agent_token is None:
            return by_service
        agents = f"Bearer {agent_token}".encode()

        async def either(request: Request) -> Response:
            given = request.headers.get("authorization", "").encode()
            return await (endpoint if secrets.compare_digest(given, agents) else by_service)(request)

        return either

    return guarded


def _media_type(request: Request) -> str:
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


def _inflated(body: bytes, bytes_max: int) -> bytes:
    """All members of a gzip file, one after another. Nothing beyond ``bytes_max`` is ever inflated."""
    parts, length = [], 0
    try:
        for _ in range(GZIP_MEMBERS_MAX):
            inflater = zlib.decompressobj(GZIP)
            part = inflater.decompress(body, bytes_max - length + 1)
            length += len(part)
            if length > bytes_max:
                raise Refusal(413, INVALID_ARGUMENT, f"a body has {bytes_max} bytes at most when it is inflated")
            if not inflater.eof:
                raise Refusal(400, INVALID_ARGUMENT, "the gzip body is cut off")
            parts.append(part)
            body = inflater.unused_data
            if not body:
                return b"".join(parts)
    except zlib.error as error:
        raise Refusal(400, INVALID_ARGUMENT, f"the body is no gzip: {error}") from error
    raise Refusal(400, INVALID_ARGUMENT, f"the gzip body has more than {GZIP_MEMBERS_MAX} members")


def _of_spans(read: OtlpRead) -> ExportTraceServiceResponse:
    answer = ExportTraceServiceResponse()
    if read.rejected:
        answer.partial_success.rejected_spans = len(read.rejected)
        answer.partial_success.error_message = _first_flaw(read)
    return answer


def _of_logs(read: OtlpRead) -> ExportLogsServiceResponse:
    answer = ExportLogsServiceResponse()
    if read.rejected:
        answer.partial_success.rejected_log_records = len(read.rejected)
        answer.partial_success.error_message = _first_flaw(read)
    return answer


def _first_flaw(read: OtlpRead) -> str:
    first = read.rejected[0]
    return f"{first.reason} at {first.field or 'the message'}: {first.detail}"[:DETAIL_CHARACTERS_MAX]


def _refused(refusal: Refusal, media_type: str) -> Response:
    answer = _message(refusal.status, Status(code=refusal.code, message=refusal.message), media_type)
    if refusal.status in (429, 503):
        answer.headers["Retry-After"] = RETRY_SECONDS
    return answer


def _message(status: int, message: Any, media_type: str) -> Response:
    """In the encoding of the request; in protobuf where that is none that we know."""
    if media_type == JSON:
        return Response(MessageToJson(message, indent=None), status_code=status, media_type=JSON)
    return Response(message.SerializeToString(), status_code=status, media_type=PROTOBUF)
