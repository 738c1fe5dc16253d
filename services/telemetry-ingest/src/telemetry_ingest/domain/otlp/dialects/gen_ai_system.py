"""The conventions for generative AI as they were before 1.37, when the provider was ``gen_ai.system``."""

from typing import Final

from telemetry_ingest.domain.otlp.values import SECONDS_IN_MS, provider, tokens

ATTRIBUTES: Final = (
    ("gen_ai.system", "provider", provider),
    ("gen_ai.usage.prompt_tokens", "input_tokens", tokens),
    ("gen_ai.usage.completion_tokens", "output_tokens", tokens),
    ("gen_ai.usage.cache_read_input_tokens", "cached_input_tokens", tokens),
    ("gen_ai.usage.input_tokens.cached", "cached_input_tokens", tokens),
    ("gen_ai.usage.output_tokens.reasoning", "reasoning_tokens", tokens),
    ("gen_ai.server.time_to_first_token", "time_to_first_token_ms", SECONDS_IN_MS),
)
CONTENTS: Final = ("gen_ai.prompt", "gen_ai.completion")
FIRST_TOKEN_EVENTS: Final = ()
