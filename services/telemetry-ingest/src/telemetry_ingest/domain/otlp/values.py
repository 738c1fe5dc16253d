"""How the values of attributes are read. Each reader gives None for "not told" and raises ``Unusable`` for nonsense.

Instrumentations write numbers as texts and texts as numbers; what can be read without doubt is read.
"""

from collections.abc import Mapping
from math import isfinite
from typing import Final

from telemetry_ingest.domain.otlp.facts import Role
from telemetry_ingest.domain.otlp.names import as_name, as_release
from telemetry_ingest.domain.otlp.rows import Read, Unusable, Value

TEXT_CHARACTERS_MAX: Final = 256
SHORT_CHARACTERS_MAX: Final = 64
IDENTIFIER_CHARACTERS_MAX: Final = 128
CONTENT_CHARACTERS_MAX: Final = 16_384
TOKENS_MAX: Final = 1_000_000_000
COST_MICRO_USD_MAX: Final = 1_000_000_000_000
TIME_MS_MAX: Final = 86_400_000
VALUE_MAX: Final = 1e15
SHARE_MIN: Final = 1e-6
PLACEHOLDERS: Final = frozenset({"OpenAI Agent", "LangGraph", "RunnableSequence", "AgentExecutor", "agent", "unknown"})
PROVIDER_APIS: Final = frozenset(
    {"chat", "completion", "embedding", "generative-ai", "image", "messages", "responses", "speech", "transcription"}
)
TRUTHS: Final[Mapping[str, bool]] = {"true": True, "false": False}


def text(characters_max: int) -> Read:
    """A text, cut to its bound."""

    def read(value: Value) -> str | None:
        if type(value) is not str:
            if value is None:
                raise _wrong("a text", "a list, a map or bytes")
            value = str(value).lower() if isinstance(value, bool) else str(value)
        return value[:characters_max].replace("\0", "") or None

    return read


TEXT: Final = text(TEXT_CHARACTERS_MAX)
SHORT: Final = text(SHORT_CHARACTERS_MAX)
IDENTIFIER: Final = text(IDENTIFIER_CHARACTERS_MAX)
CONTENT: Final = text(CONTENT_CHARACTERS_MAX)


def tokens(value: Value) -> int:
    number = _number(value)
    if number != int(number) or not 0 <= number <= TOKENS_MAX:
        raise _wrong(f"a whole number from 0 to {TOKENS_MAX:,}", value)
    return int(number)


def within(least: float, most: float, scale: float = 1) -> Read:
    """A number times ``scale``, from ``least`` to ``most``."""

    def read(value: Value) -> float:
        number = _number(value)
        scaled = number * scale
        if not least <= scaled <= most:
            raise _wrong(f"a number from {least / scale:g} to {most / scale:g}", value)
        return scaled

    return read


FRACTION: Final = within(0, 1)
MILLISECONDS: Final = within(0, TIME_MS_MAX)
SECONDS_IN_MS: Final = within(0, TIME_MS_MAX, 1_000)
PLAIN_VALUE: Final = within(-VALUE_MAX, VALUE_MAX)


def share(value: Value) -> float:
    """Above 0 to 1, in no finer steps than millionths, as every sampling rate of the contract."""
    number = _number(value)
    if not SHARE_MIN <= number <= 1:
        raise _wrong("a share from 0.000001 to 1", value)
    return number


def dollars(value: Value) -> int:
    """US dollars as micro-dollars, half up: the one place where money is not whole, because conventions send floats."""
    number = _number(value)
    return micro_dollars(round(number * 1_000_000))


def micro_dollars(value: Value) -> int:
    number = _number(value)
    if number != int(number) or not 0 <= number <= COST_MICRO_USD_MAX:
        raise _wrong(f"micro-dollars from 0 to {COST_MICRO_USD_MAX:,}", value)
    return int(number)


def flag(value: Value) -> bool:
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.lower() in TRUTHS:
        return TRUTHS[value.lower()]
    raise _wrong("true or false", value)


def agent_name(value: Value) -> str | None:
    """None for what a framework calls every agent that nobody named."""
    found: str | None = TEXT(value)
    return None if found in PLACEHOLDERS else found


def agent_identity(value: Value) -> str | None:
    found: str | None = IDENTIFIER(value)
    return None if found in PLACEHOLDERS else found


def provider(value: Value) -> str | None:
    """``openai.chat`` is ``openai`` with the API that was called; ``aws.bedrock`` is a provider's whole name."""
    found: str | None = SHORT(value)
    if found is None:
        return None
    whole, dot, api = found.rpartition(".")
    return whole if dot and api in PROVIDER_APIS else found


def name(value: Value) -> str | None:
    """A ``Name`` of the contract made from a text: lower case, at most 63 characters."""
    found: str | None = TEXT(value)
    return found and as_name(found)


def release(value: Value) -> str | None:
    """None for a version that no release can have: it stays unknown."""
    found: str | None = TEXT(value)
    return found and as_release(found)


def own_release(value: Value) -> str:
    """As ``release``, but whoever sets our own attribute means it."""
    found = release(value)
    if found is None:
        raise _wrong("a release: up to 64 of 0-9 A-Z a-z . + _ -", value)
    return found


def roles(words: Mapping[str, Role]) -> Read:
    """``(role, word)``, None for a word that the dialect does not know, so that the next one has a say."""

    def read(value: Value) -> tuple[Role, str] | None:
        role = words.get(value) if isinstance(value, str) else None
        return None if role is None else (role, str(value))

    return read


def _number(value: Value) -> float | int:
    if isinstance(value, str):
        value = _number_in(value)
    if value is None or isinstance(value, bool):
        raise _wrong("a number", value)
    if not isfinite(value):
        raise Unusable("not_finite", "", f"{value} is no finite number")
    return value


def _number_in(text_of_number: str) -> float | int:
    """``"12"`` as 12. Bounded, for the digits of a number may be a megabyte."""
    written = text_of_number[:32]
    try:
        return int(written) if written.isdigit() else float(written)
    except ValueError:
        raise _wrong("a number", text_of_number) from None


def _wrong(expected: str, value: object) -> Unusable:
    """The value is not repeated where it may be long: it may hold what nobody should store."""
    shown = repr(value) if isinstance(value, int | float) else f"of type {type(value).__name__}"
    return Unusable("invalid_field", "", f"expected {expected}, got a value {shown}")
