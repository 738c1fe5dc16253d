"""OpenInference, as Phoenix and Arize use it."""

from collections.abc import Mapping
from typing import Final

from telemetry_ingest.domain.otlp.facts import AGENT, INFERENCE, OTHER, TOOL, WORKFLOW, Role
from telemetry_ingest.domain.otlp.rows import KIND
from telemetry_ingest.domain.otlp.values import TEXT, agent_name, dollars, provider, roles, tokens

ROLES: Final[Mapping[str, Role]] = {
    "LLM": INFERENCE,
    "EMBEDDING": INFERENCE,
    "AGENT": AGENT,
    "CHAIN": WORKFLOW,
    "TOOL": TOOL,
    "RETRIEVER": OTHER,
    "RERANKER": OTHER,
    "GUARDRAIL": OTHER,
    "EVALUATOR": OTHER,
    "PROMPT": OTHER,
    "UNKNOWN": OTHER,
}
ATTRIBUTES: Final = (
    ("openinference.span.kind", KIND, roles(ROLES)),
    ("llm.provider", "provider", provider),
    ("llm.system", "provider", provider),
    ("llm.response.model_name", "model", TEXT),
    ("llm.model_name", "model", TEXT),
    ("llm.request.model_name", "model", TEXT),
    ("embedding.model_name", "model", TEXT),
    ("llm.token_count.prompt", "input_tokens", tokens),
    ("llm.token_count.completion", "output_tokens", tokens),
    ("llm.token_count.prompt_details.cache_read", "cached_input_tokens", tokens),
    ("llm.token_count.completion_details.reasoning", "reasoning_tokens", tokens),
    ("llm.cost.total", "cost_micro_usd", dollars),
    ("agent.name", "agent", agent_name),
)
CONTENTS: Final = ("input.value", "output.value")
FIRST_TOKEN_EVENTS: Final = ("First Token Stream Event",)
