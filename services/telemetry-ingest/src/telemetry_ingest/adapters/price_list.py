"""The price list: the snapshot that `genai-prices` ships. It never asks the network.

Another release of the library may price the same tokens otherwise, so `VERSION` stands beside what it priced.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import lru_cache
from importlib.metadata import version
from typing import Any

from genai_prices.data_snapshot import find_provider_by_id
from genai_prices.types import ModelInfo, ModelPrice, Provider, TieredPrices

from telemetry_ingest.domain.feeds.prices import TOKENS_BEFORE_ANY_TIER, Rates, Tariff

VERSION = version("genai-prices")
KNOWN_MAX = 8_192
"""Models that are remembered, known or not: looking one up takes a millisecond."""
FEMTO_PER_LISTED_UNIT = 10**9
"""A dollar for a million tokens is 10^-6 dollars for one."""
FEMTO_PER_THOUSANDTH = 10**12
"""A dollar for a thousand requests is 10^-3 dollars for one."""


@dataclass(frozen=True, slots=True)
class Listed:
    """All prices of one model: the first one that is in force counts."""

    conditional: Sequence[tuple[Any, Tariff | None]]
    otherwise: Tariff | None

    @property
    def always(self) -> Tariff | None:
        return None if self.conditional else self.otherwise

    def at(self, moment: datetime) -> Tariff | None:
        for constraint, tariff in self.conditional:
            if constraint is None or constraint.active(moment):
                return tariff
        return self.otherwise


@lru_cache(KNOWN_MAX)
def list_price(provider: str | None, model: str) -> Listed | None:
    """What the snapshot says of a model; None where it does not know it."""
    found = _model(provider, model)
    if found is None:
        return None
    if isinstance(found.prices, ModelPrice):
        return Listed((), _tariff(found.prices))
    # The last one takes precedence; where none is in force, the first one holds.
    conditional = [(one.constraint, _tariff(one.prices)) for one in reversed(found.prices)]
    return Listed(conditional, conditional[-1][1]) if conditional else None


def _model(provider: str | None, model: str) -> ModelInfo | None:
    """By the library's own rules, but without its memory of what it does not know, which has no bound."""
    known = _providers()
    offered = _offering(known, provider, model)
    return offered.find_model(model, all_providers=known) if offered else None


def _offering(known: list[Provider], provider: str | None, model: str) -> Provider | None:
    if provider is None:
        lower = model.lower()
        return next((one for one in known if one.model_match and one.model_match.is_match(lower)), None)
    # OpenTelemetry writes `x_ai` where the list has `x-ai`.
    return find_provider_by_id(known, provider) or find_provider_by_id(known, provider.replace("_", "-"))


def _tariff(price: ModelPrice) -> Tariff | None:
    listed = [getattr(price, name) for name in ("input_mtok", "output_mtok", "cache_read_mtok")]
    if listed[0] is None and listed[1] is None:
        return None
    starts = {tier.start for each in listed if isinstance(each, TieredPrices) for tier in each.tiers}
    request = _femto(_at(price.requests_kcount, TOKENS_BEFORE_ANY_TIER), FEMTO_PER_THOUSANDTH) or 0
    tiers = []
    for above in sorted({TOKENS_BEFORE_ANY_TIER, *starts}, reverse=True):
        taken, given, cached = (_femto(_at(each, above), FEMTO_PER_LISTED_UNIT) for each in listed)
        tiers.append((above, Rates(taken, given, cached, request)))
    return Tariff(tuple(tiers))


def _at(price: Decimal | TieredPrices | None, above: int) -> Decimal | None:
    """The rate for inputs of more than ``above`` tokens."""
    if not isinstance(price, TieredPrices):
        return price
    reached = [tier.price for tier in price.tiers if tier.start <= above]
    return reached[-1] if reached else price.base


def _femto(price: Decimal | None, scale: int) -> int | None:
    # Some prices of the list have been floats, and are off by less than this rounds.
    return None if price is None else round(price * scale)


@lru_cache(1)
def _providers() -> list[Provider]:
    from genai_prices.data import providers  # noqa: PLC0415 - ten megabytes, for whoever prices something

    return providers
