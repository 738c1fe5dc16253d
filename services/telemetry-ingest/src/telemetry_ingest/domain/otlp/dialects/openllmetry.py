"""OpenLLMetry of Traceloop. Its newer releases say most in the standard's words, and the structure in their own."""

from collections.abc import Mapping
from typing import Final

from telemetry_ingest.domain.otlp.facts import AGENT, INFERENCE, OTHER, TOOL, WORKFLOW, Role
from telemetry_ingest.domain.otlp.rows import ENTITY, KIND
from telemetry_ingest.domain.otlp.values import IDENTIFIER, agent_name, roles, tokens

SPAN_KINDS: Final[Mapping[str, Role]] = {"workflow": WORKFLOW, "agent": AGENT, "tool": TOOL, "task": OTHER}
REQUEST_TYPES: Final[Mapping[str, Role]] = {
    "chat": INFERENCE,
    "completion": INFERENCE,
    "embedding": INFERENCE,
    "rerank": OTHER,
}
ATTRIBUTES: Final = (
    ("traceloop.span.kind", KIND, roles(SPAN_KINDS)),
    ("llm.request.type", KIND, roles(REQUEST_TYPES)),
    ("gen_ai.usage.reasoning_tokens", "reasoning_tokens", tokens),
    ("llm.usage.reasoning_tokens", "reasoning_tokens", tokens),
    ("llm.usage.cache_read_input_tokens", "cached_input_tokens", tokens),
    ("traceloop.entity.name", ENTITY, agent_name),
    ("traceloop.workflow.name", "agent", agent_name),
    ("traceloop.association.properties.session_id", "session_id", IDENTIFIER),
)
CONTENTS: Final = ("traceloop.entity.input", "traceloop.entity.output")
FIRST_TOKEN_EVENTS: Final = ("gen_ai.content.completion.chunk", "llm.content.completion.chunk")
