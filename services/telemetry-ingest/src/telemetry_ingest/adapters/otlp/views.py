"""The messages of opentelemetry-proto with some parts left as bytes, made from its own descriptors.

Protobuf writes a message in a field as it writes bytes, so reading either is right. Spans as bytes let one bad span be
rejected alone; attributes as bytes spare two Python objects for each, most of which nobody looks at.
"""

from collections.abc import Set as AbstractSet
from typing import Any, Final

from google.protobuf.descriptor import FileDescriptor
from google.protobuf.descriptor_pb2 import FieldDescriptorProto, FileDescriptorProto
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message_factory import GetMessageClass
from opentelemetry.proto.common.v1 import common_pb2
from opentelemetry.proto.logs.v1 import logs_pb2
from opentelemetry.proto.resource.v1 import resource_pb2
from opentelemetry.proto.trace.v1 import trace_pb2

AS_BYTES: Final = frozenset(
    {
        "ResourceSpans.resource",
        "ScopeSpans.spans",
        "Span.attributes",
        "Span.events",
        "Span.status",
        "Span.links",
        "Event.attributes",
        "ResourceLogs.resource",
        "ScopeLogs.log_records",
        "LogRecord.attributes",
        "LogRecord.body",
        "Resource.attributes",
    }
)


def _with_bytes(source: FileDescriptor, as_bytes: AbstractSet[str], as_last: AbstractSet[str]) -> FileDescriptorProto:
    file = FileDescriptorProto()
    source.CopyToProto(file)
    messages = [*file.message_type, *(inner for outer in file.message_type for inner in outer.nested_type)]
    for message in messages:
        for field in message.field:
            if f"{message.name}.{field.name}" in as_bytes:
                field.type = FieldDescriptorProto.TYPE_BYTES
                field.ClearField("type_name")
            if f"{message.name}.{field.name}" in as_last:
                field.label = FieldDescriptorProto.LABEL_OPTIONAL
    return file


def _views(as_last: AbstractSet[str] = frozenset()) -> DescriptorPool:
    pool = DescriptorPool()
    for module in (common_pb2, resource_pb2, trace_pb2, logs_pb2):
        pool.Add(_with_bytes(module.DESCRIPTOR, AS_BYTES, as_last))
    return pool


def _view(pool: DescriptorPool, name: str) -> Any:
    return GetMessageClass(pool.FindMessageTypeByName(f"opentelemetry.proto.{name}"))


_POOL: Final = _views()
TracesView: Final = _view(_POOL, "trace.v1.TracesData")
SpanView: Final = _view(_views(as_last=frozenset({"Span.events"})), "trace.v1.Span")
"""A span with its last event, which tells whether it has any: a list would cost a tenth of all the reading."""
SpanEventsView: Final = _view(_POOL, "trace.v1.Span")
EventView: Final = _view(_POOL, "trace.v1.Span.Event")
LogsView: Final = _view(_POOL, "logs.v1.LogsData")
LogView: Final = _view(_POOL, "logs.v1.LogRecord")
ResourceView: Final = _view(_POOL, "resource.v1.Resource")
