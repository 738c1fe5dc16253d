"""Semantic conventions for generative AI, 1.37 and later: OpenTelemetry's own instrumentations and Pydantic AI."""

from collections.abc import Mapping
from typing import Final

from telemetry_ingest.domain.otlp.facts import AGENT, INFERENCE, OTHER, TOOL, WORKFLOW, Role
from telemetry_ingest.domain.otlp.rows import KIND
from telemetry_ingest.domain.otlp.values import (
    IDENTIFIER,
    SECONDS_IN_MS,
    SHORT,
    TEXT,
    agent_identity,
    agent_name,
    dollars,
    provider,
    release,
    roles,
    tokens,
)

ROLES: Final[Mapping[str, Role]] = {
    "chat": INFERENCE,
    "text_completion": INFERENCE,
    "generate_content": INFERENCE,
    "embeddings": INFERENCE,
    "invoke_agent": AGENT,
    "invoke_workflow": WORKFLOW,
    "execute_tool": TOOL,
    "create_agent": OTHER,
    "retrieval": OTHER,
}
ATTRIBUTES: Final = (
    ("gen_ai.operation.name", KIND, roles(ROLES)),
    ("gen_ai.provider.name", "provider", provider),
    ("gen_ai.response.model", "model", TEXT),
    ("gen_ai.request.model", "model", TEXT),
    ("gen_ai.response.id", "response_id", IDENTIFIER),
    ("gen_ai.conversation.id", "session_id", IDENTIFIER),
    ("gen_ai.usage.input_tokens", "input_tokens", tokens),
    ("gen_ai.usage.output_tokens", "output_tokens", tokens),
    ("gen_ai.usage.cache_read.input_tokens", "cached_input_tokens", tokens),
    ("gen_ai.usage.reasoning.output_tokens", "reasoning_tokens", tokens),
    ("gen_ai.usage.details.cache_read_tokens", "cached_input_tokens", tokens),
    ("gen_ai.usage.details.reasoning_tokens", "reasoning_tokens", tokens),
    ("gen_ai.response.time_to_first_chunk", "time_to_first_token_ms", SECONDS_IN_MS),
    ("gen_ai.client.operation.time_to_first_chunk", "time_to_first_token_ms", SECONDS_IN_MS),
    ("operation.cost", "cost_micro_usd", dollars),
    ("gen_ai.agent.name", "agent", agent_name),
    ("gen_ai.agent.id", "agent_id", agent_identity),
    ("gen_ai.agent.version", "release", release),
    ("error.type", "error", SHORT),
    ("session.id", "session_id", IDENTIFIER),
    ("service.name", "service_name", TEXT),
    ("service.version", "release", release),
)
CONTENTS: Final = (
    "gen_ai.input.messages",
    "gen_ai.output.messages",
    "gen_ai.system_instructions",
    "gen_ai.tool.call.arguments",
    "gen_ai.tool.call.result",
    "gen_ai.retrieval.query.text",
)
FIRST_TOKEN_EVENTS: Final = ()
