"""What people and models said to each other, taken out of messages before they stand on a topic.

The names are those that `infra/otel-collector/config.yaml` takes out; a message without any goes on as it came.
"""

import re
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any, Final

from google.protobuf.message import DecodeError
from pydantic_core import from_json, to_json

from telemetry_ingest.adapters.otlp.attributes import key_of
from telemetry_ingest.adapters.otlp.views import EventView, LogsView, LogView, SpanEventsView, TracesView
from telemetry_ingest.domain.otlp.rows import Unusable
from telemetry_ingest.otlp_ports import Encoding

OF_SPANS: Final = (
    (
        r"^gen_ai\.(prompt|completion|input\.messages|output\.messages|system_instructions|tool\.definitions"
        r"|tool\.call\.(arguments|result)|retrieval\.(query|documents))(\.|$)"
    ),
    r"^(input|output)\.value$",
    r"^llm\.(input_messages|output_messages|prompts|prompt_template|tools|function_call)(\.|$)",
    (
        r"^(retrieval\.documents|reranker\.(input|output)_documents|embedding\.embeddings|tool\.parameters"
        r"|message\.content)(\.|$)"
    ),
    r"^traceloop\.entity\.(input|output)$",
    r"^ai\.(prompt|response\.(text|object|toolCalls|reasoning)|toolCall\.(args|result)|values?|embeddings?)(\.|$)",
    r"^(all_messages_events|pydantic_ai\.all_messages|final_result|tool_arguments|tool_response|events)$",
)
OF_EVENTS: Final = (
    r"^gen_ai\.(prompt|completion|input\.messages|output\.messages|system_instructions|evaluation\.explanation)(\.|$)",
    r"^(content|message|body|gen_ai\.event\.content)$",
)
OF_LOGS: Final = (
    (
        r"^gen_ai\.(prompt|completion|input\.messages|output\.messages|system_instructions|evaluation\.explanation"
        r"|event\.content)(\.|$)"
    ),
)
KEYS_MAX: Final = 4_096

Names = tuple[str, ...]


def spans_without_contents(body: bytes, encoding: Encoding) -> bytes:
    """``body``, a message of spans that can be read."""
    return _json(body, _spans_of_json) if encoding == "json" else _traces(body)


def logs_without_contents(body: bytes, encoding: Encoding) -> bytes:
    """``body``, a message of log events that can be read. Evaluations say everything in their attributes."""
    return _json(body, _logs_of_json) if encoding == "json" else _logs(body)


@lru_cache(KEYS_MAX)
def is_content(key: bytes, names: Names) -> bool:
    text = key.decode("utf-8", "replace")
    return any(re.search(name, text) for name in names)


def _traces(body: bytes) -> bytes:
    whole = TracesView.FromString(body)
    scopes = [scope for resource in whole.resource_spans for scope in resource.scope_spans]
    changed = [_replace(scope.spans, _span) for scope in scopes]
    return whole.SerializeToString() if any(changed) else body


def _span(body: bytes) -> bytes:
    try:
        span = SpanEventsView.FromString(body)
        changed = _drop(span.attributes, OF_SPANS) | _replace(span.events, _event)
    except (DecodeError, Unusable):
        return body
    without: bytes = span.SerializeToString() if changed else body
    return without


def _event(body: bytes) -> bytes:
    event = EventView.FromString(body)
    without: bytes = event.SerializeToString() if _drop(event.attributes, OF_EVENTS) else body
    return without


def _logs(body: bytes) -> bytes:
    whole = LogsView.FromString(body)
    scopes = [scope for resource in whole.resource_logs for scope in resource.scope_logs]
    changed = [_replace(scope.log_records, _log) for scope in scopes]
    return whole.SerializeToString() if any(changed) else body


def _log(body: bytes) -> bytes:
    try:
        log = LogView.FromString(body)
        changed = _drop(log.attributes, OF_LOGS) or bool(log.body)
    except (DecodeError, Unusable):
        return body
    log.ClearField("body")
    without: bytes = log.SerializeToString() if changed else body
    return without


def _replace(parts: Any, without_contents: Callable[[bytes], bytes]) -> bool:
    """Put each part that has contents back without them. Was there one?"""
    changed = False
    for place, part in enumerate(parts):
        without = without_contents(part)
        if without is not part:
            parts[place], changed = without, True
    return changed


def _drop(pairs: Any, names: Names) -> bool:
    kept = [pair for pair in pairs if not is_content(key_of(pair), names)]
    if len(kept) == len(pairs):
        return False
    del pairs[:]
    pairs.extend(kept)
    return True


def _json(body: bytes, drop: Callable[[Any], bool]) -> bytes:
    whole = from_json(body)
    return to_json(whole) if drop(whole) else body


def _spans_of_json(whole: Any) -> bool:
    changed = False
    for span in _all(whole, "resourceSpans", "scopeSpans", "spans"):
        changed |= _drop_of_json(span, OF_SPANS)
        for event in _all(span, "events"):
            changed |= _drop_of_json(event, OF_EVENTS)
    return changed


def _logs_of_json(whole: Any) -> bool:
    changed = False
    for log in _all(whole, "resourceLogs", "scopeLogs", "logRecords"):
        changed |= log.pop("body", None) is not None
        changed |= _drop_of_json(log, OF_LOGS)
    return changed


def _all(whole: Any, *path: str) -> Iterator[dict[str, Any]]:
    """The objects at the end of a path of lists, as far as the shape is what it should be."""
    found = whole.get(path[0]) if isinstance(whole, dict) else None
    for one in found if isinstance(found, list) else ():
        if isinstance(one, dict):
            yield from _all(one, *path[1:]) if path[1:] else (one,)


def _drop_of_json(told: dict[str, Any], names: Names) -> bool:
    before = told.get("attributes")
    if not isinstance(before, list):
        return False
    kept = [one for one in before if not (isinstance(one, dict) and is_content(str(one.get("key")).encode(), names))]
    told["attributes"] = kept
    return len(kept) < len(before)
