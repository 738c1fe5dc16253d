"""Integers as people read them: exact, and rounded down where something is left."""

from datetime import UTC, datetime
from typing import Any, Final

MILLION: Final = 1_000_000
NO_DATA: Final = {"no_data": "no data", "insufficient_data": "insufficient data"}
SECONDS_DIMENSION: Final = "availability"


def decimal(millionths: int) -> str:
    """Millionths as an exact decimal: 50000 -> ``0.05``."""
    whole, rest = divmod(abs(millionths), MILLION)
    digits = f"{rest:06d}".rstrip("0")
    return f"{'-' if millionths < 0 else ''}{whole}{'.' if digits else ''}{digits}"


def percent(ppm: int) -> str:
    """Parts per million as an exact percentage: 999500 -> ``99.95 %``."""
    return f"{decimal(ppm * 100)} %"


def left(statement: dict[str, Any]) -> str:
    """What is left of a budget in per cent, rounded down to a tenth. Without data it says so and gives no figure."""
    zone, ppm = statement["zone"], statement["remaining_ppm"]
    if zone in NO_DATA:
        return NO_DATA[zone]
    if ppm is None:
        return NO_DATA["no_data"]
    tenths = ppm // 1_000
    return f"{'-' if tenths < 0 else ''}{abs(tenths) // 10}.{abs(tenths) % 10} %"


def zone(statement: dict[str, Any]) -> str:
    return NO_DATA.get(statement["zone"]) or str(statement["zone"])


def points(dimension: str, amount: int) -> str:
    """Points with the unit they are millionths of."""
    if dimension == SECONDS_DIMENSION:
        return f"{decimal(amount)} s"
    return f"{decimal(amount)} event{'' if amount == MILLION else 's'}"


def moment(text: str | None) -> str:
    """An ISO time to the second in UTC; empty for none."""
    return f"{datetime.fromisoformat(text).astimezone(UTC):%Y-%m-%d %H:%M:%SZ}" if text else ""
