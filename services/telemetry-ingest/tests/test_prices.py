"""Each request is priced once, in whole micro-dollars, as the price list itself would."""

from datetime import UTC, datetime
from decimal import ROUND_HALF_EVEN, Decimal

import pytest
from genai_prices import Usage
from genai_prices.data import providers

from flyball.schemas.telemetry import ModelPrice as AgreedPrice
from telemetry_ingest.adapters.price_list import list_price
from telemetry_ingest.domain.feeds.prices import Tariff, agreed, cost_micro_usd

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
MICRO = Decimal(1_000_000)


def tariff(provider: str | None, model: str) -> Tariff:
    listed = list_price(provider, model)
    assert listed is not None
    found = listed.at(NOW)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("provider", "model"),
    [
        ("openai", "gpt-4o"),
        ("anthropic", "claude-3-5-sonnet-20241022"),
        ("google", "gemini-2.5-pro"),
        ("deepseek", "deepseek-chat"),
        ("perplexity", "sonar"),
    ],
)
@pytest.mark.parametrize(("taken", "given", "cached"), [(1_000, 100, 0), (300_000, 77, 1_234), (1, 1, 1), (0, 0, 0)])
def test_the_list_price_of_a_request_is_the_librarys(
    provider: str, model: str, taken: int, given: int, cached: int
) -> None:
    by_id = next(one for one in providers if one.id == provider)
    listed = by_id.find_model(model, all_providers=providers)
    assert listed is not None
    usage = Usage(input_tokens=taken, output_tokens=given, cache_read_tokens=cached)
    total = listed.calc_price(usage, by_id, genai_request_timestamp=NOW).total_price
    expected = int((total * MICRO).quantize(Decimal(1), ROUND_HALF_EVEN))
    assert cost_micro_usd(tariff(provider, model), taken, given, cached) == expected


@pytest.mark.parametrize(
    ("provider", "model"),
    [("x_ai", "grok-4"), ("azure.ai.openai", "gpt-4o"), ("gcp.vertex_ai", "gemini-2.5-pro"), (None, "gpt-4o")],
)
def test_providers_are_known_by_the_names_that_instrumentations_write(provider: str | None, model: str) -> None:
    assert list_price(provider, model) is not None


@pytest.mark.parametrize(("provider", "model"), [("openai", "gpt-unheard-of"), ("acme", "gpt-4o"), (None, "acme-1")])
def test_an_unknown_model_has_no_price(provider: str | None, model: str) -> None:
    assert list_price(provider, model) is None


@pytest.mark.parametrize(
    "tokens", [(None, None, None), (None, 5, None), (5, None, None), (5, 1, 6)], ids=["none", "in", "out", "cached"]
)
def test_a_request_whose_tokens_are_not_known_has_no_cost(tokens: tuple[int | None, int | None, int | None]) -> None:
    assert cost_micro_usd(tariff("openai", "gpt-4o"), *tokens) is None


def test_half_a_micro_dollar_goes_to_the_even_one() -> None:
    price = agreed(AgreedPrice(input_micro_usd=500_000, output_micro_usd=0))
    assert [cost_micro_usd(price, tokens, 9, None) for tokens in range(6)] == [0, 0, 1, 2, 2, 2]


def test_what_a_system_agreed_on_goes_by_its_own_rates() -> None:
    price = AgreedPrice(input_micro_usd=1_000_000, output_micro_usd=3_000_000, cached_input_micro_usd=0)
    assert cost_micro_usd(agreed(price), 1_000, 100, 900) == 100 + 300
