"""Vercel's AI SDK, ``ai.*``. Its outer spans repeat the sums of the ``do...`` spans within."""

from collections.abc import Mapping
from typing import Final

from telemetry_ingest.domain.otlp.facts import AGENT, INFERENCE, OTHER, TOOL, WORKFLOW, Role
from telemetry_ingest.domain.otlp.rows import KIND
from telemetry_ingest.domain.otlp.values import IDENTIFIER, MILLISECONDS, TEXT, agent_name, provider, roles, tokens

ROLES: Final[Mapping[str, Role]] = {
    "ai.generateText": AGENT,
    "ai.streamText": AGENT,
    "ai.generateObject": WORKFLOW,
    "ai.streamObject": WORKFLOW,
    "ai.generateText.doGenerate": INFERENCE,
    "ai.streamText.doStream": INFERENCE,
    "ai.generateObject.doGenerate": INFERENCE,
    "ai.streamObject.doStream": INFERENCE,
    "ai.embed.doEmbed": INFERENCE,
    "ai.embedMany.doEmbed": INFERENCE,
    "ai.toolCall": TOOL,
    "ai.embed": OTHER,
    "ai.embedMany": OTHER,
    "ai.rerank": OTHER,
    "ai.rerank.doRerank": OTHER,
}
ATTRIBUTES: Final = (
    ("ai.operationId", KIND, roles(ROLES)),
    ("ai.model.provider", "provider", provider),
    ("ai.response.model", "model", TEXT),
    ("ai.model.id", "model", TEXT),
    ("ai.response.id", "response_id", IDENTIFIER),
    ("ai.usage.inputTokens", "input_tokens", tokens),
    ("ai.usage.promptTokens", "input_tokens", tokens),
    ("ai.usage.tokens", "input_tokens", tokens),
    ("ai.usage.outputTokens", "output_tokens", tokens),
    ("ai.usage.completionTokens", "output_tokens", tokens),
    ("ai.usage.inputTokenDetails.cacheReadTokens", "cached_input_tokens", tokens),
    ("ai.usage.cachedInputTokens", "cached_input_tokens", tokens),
    ("ai.usage.outputTokenDetails.reasoningTokens", "reasoning_tokens", tokens),
    ("ai.usage.reasoningTokens", "reasoning_tokens", tokens),
    ("ai.response.msToFirstChunk", "time_to_first_token_ms", MILLISECONDS),
    ("ai.telemetry.functionId", "agent", agent_name),
    ("ai.telemetry.metadata.sessionId", "session_id", IDENTIFIER),
)
CONTENTS: Final = (
    "ai.prompt",
    "ai.prompt.messages",
    "ai.response.text",
    "ai.response.toolCalls",
    "ai.toolCall.args",
    "ai.toolCall.result",
)
FIRST_TOKEN_EVENTS: Final = ("ai.stream.firstChunk",)
