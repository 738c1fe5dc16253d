"""The one door for OTLP: bytes of a message in, facts and rejected parts out."""

from typing import Any, Final, Literal

from flyball.schemas.unreadable import Unreadable
from telemetry_ingest.adapters.otlp.groups import read_all
from telemetry_ingest.adapters.otlp.json_form import JsonForm
from telemetry_ingest.adapters.otlp.protobuf_form import ProtobufForm
from telemetry_ingest.domain.otlp.facts import OtlpRead
from telemetry_ingest.domain.otlp.judging import OtlpLimits

Encoding = Literal["protobuf", "json", "auto"]
JSON_BEGINS: Final = b"{"


class OtlpReader:
    """Reads OTLP messages. One for each process: it remembers resources and attributes that come again, within bounds.

    ``keep_contents``: whether some system opted in to its message contents; else they are not even looked at.
    """

    def __init__(self, limits: OtlpLimits | None = None, *, keep_contents: bool = False) -> None:
        self._limits = limits or OtlpLimits()
        self._protobuf = ProtobufForm(self._limits, keep_contents=keep_contents)
        self._json = JsonForm(self._limits, keep_contents=keep_contents)

    def traces(self, body: bytes | None, encoding: Encoding, recorded_ns: int) -> OtlpRead:
        """The spans of one message, appended at ``recorded_ns`` since 1970.

        Raises:
            Unreadable: nothing of the message can be read; nothing else is ever raised, whatever the bytes.
        """
        form, whole = self._form(body, encoding)
        spans, rejected = read_all(form.trace_groups(whole), form.span, recorded_ns, self._limits.spans_max)
        return OtlpRead(spans=tuple(spans), rejected=rejected)

    def logs(self, body: bytes | None, encoding: Encoding, recorded_ns: int) -> OtlpRead:
        """The evaluations among the log events of one message. As ``traces``."""
        form, whole = self._form(body, encoding)
        told, rejected = read_all(form.log_groups(whole), form.log, recorded_ns, self._limits.spans_max)
        evaluations = tuple(one for one in told if one is not None)
        return OtlpRead(evaluations=evaluations, rejected=rejected, ignored=len(told) - len(evaluations))

    def _form(self, body: bytes | None, encoding: Encoding) -> tuple[Any, bytes]:
        if not body:
            raise Unreadable("empty_body", None, "the record has no body")
        if len(body) > self._limits.body_bytes_max:
            most = self._limits.body_bytes_max
            raise Unreadable("too_large", None, f"the body has {len(body)} bytes, {most} are allowed")
        return self._json if is_json(body, encoding) else self._protobuf, body


def is_json(body: bytes, encoding: Encoding) -> bool:
    """Protobuf may begin ``0x0a 0x7b``, which is a line feed and ``{``: only ``{`` as the very first byte means JSON.

    Protobuf never begins so: ``0x7b`` would open a group of field 15, and an OTLP message has field 1 alone.
    """
    return encoding == "json" or (encoding == "auto" and body.startswith(JSON_BEGINS))
