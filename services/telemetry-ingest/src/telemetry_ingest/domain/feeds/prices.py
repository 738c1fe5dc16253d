"""What one request cost: integers throughout, rounded once.

A rate is in 10^-15 dollars (femto-dollars) for a token, far finer than any list price. The sum of a
request is exact; it is rounded once, to whole micro-dollars, half to even. Sums are never priced.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple, Protocol

from flyball.schemas.telemetry import ModelPrice

FEMTO_PER_MICRO = 10**9
FEMTO_PER_POLICY_UNIT = 10**3
"""A policy's micro-dollars for a million tokens are pico-dollars for one."""
TOKENS_BEFORE_ANY_TIER = -1
MICRO_USD_MAX = 1_000_000_000_000
"""Of one event."""
SEVERAL = "several"
"""Provider or model of an interaction that used more than one: no price fits its sums."""


@dataclass(frozen=True, slots=True)
class Rates:
    """Femto-dollars for each token and for the request itself. None: the list has no such price."""

    input_femto: int | None
    output_femto: int | None
    cached_femto: int | None = None
    """None: cached tokens cost what others of the input do."""
    request_femto: int = 0


class Request(NamedTuple):
    """One request to a model. The input includes cached tokens, the output includes reasoning."""

    provider: str | None
    model: str | None
    input_tokens: int | None
    output_tokens: int | None
    cached_input_tokens: int | None
    at: datetime


@dataclass(frozen=True, slots=True)
class Tariff:
    """Rates by size of the input, the largest first: all tokens of a request cost what its size says."""

    tiers: tuple[tuple[int, Rates], ...]
    """(for inputs of more tokens than this, rates)"""

    @property
    def is_even(self) -> bool:
        """Do the sums of two requests cost what the two do?"""
        return len(self.tiers) == 1 and not self.tiers[0][1].request_femto

    def of(self, input_tokens: int) -> Rates:
        tiers = self.tiers
        return tiers[0][1] if len(tiers) == 1 else next(rates for above, rates in tiers if input_tokens > above)


class Listing(Protocol):
    """All that a price list says of one model."""

    @property
    def always(self) -> Tariff | None:
        """Its one price, where it has had only one."""
        ...

    def at(self, moment: datetime) -> Tariff | None:
        """What it cost then."""
        ...


ListPrice = Callable[[str | None, str], Listing | None]
"""(provider, model); None for a model that the list does not know."""


def flat(rates: Rates) -> Tariff:
    return Tariff(((TOKENS_BEFORE_ANY_TIER, rates),))


def agreed(price: ModelPrice) -> Tariff:
    """What a system's own spec says of a model."""
    cached = price.cached_input_micro_usd
    return flat(
        Rates(
            price.input_micro_usd * FEMTO_PER_POLICY_UNIT,
            price.output_micro_usd * FEMTO_PER_POLICY_UNIT,
            None if cached is None else cached * FEMTO_PER_POLICY_UNIT,
        )
    )


def cost_micro_usd(tariff: Tariff, taken: int | None, given: int | None, cached: int | None) -> int | None:
    """Of one request, rounded half to even. None where a part of the price cannot be known."""
    femto = cost_femto(tariff, taken, given, cached)
    return None if femto is None else half_to_even(femto)


def cost_femto(tariff: Tariff, taken: int | None, given: int | None, cached: int | None) -> int | None:
    """Of one request, exactly. The input ``taken`` includes ``cached`` tokens, the output ``given`` includes reasoning.

    None where a part of the price cannot be known.
    """
    cached = cached or 0
    if taken is None or cached > taken:
        return None
    rates = tariff.of(taken)
    if (rates.input_femto is None and taken) or (rates.output_femto is not None and given is None):
        return None
    if rates.output_femto is None and given:
        return None
    whole = rates.input_femto or 0
    saved = whole - rates.cached_femto if rates.cached_femto is not None else 0
    return whole * taken - saved * cached + (rates.output_femto or 0) * (given or 0) + rates.request_femto


def half_to_even(femto: int) -> int:
    """Whole micro-dollars."""
    micro, rest = divmod(femto, FEMTO_PER_MICRO)
    doubled = 2 * rest
    return micro + (doubled > FEMTO_PER_MICRO or (doubled == FEMTO_PER_MICRO and micro % 2 == 1))
