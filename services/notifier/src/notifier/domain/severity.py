"""Severity for the world outside always names its scheme: P1 means an hour in one and 15 minutes in the other."""

from typing import Literal

from flyball.schemas.alerts import WireSeverity

Scheme = Literal["p0p3", "p1p4"]
FIRST: dict[Scheme, int] = {"p0p3": 0, "p1p4": 1}
WORST, MILDEST = 0, 3


def to_wire(severity: int, scheme: Scheme = "p0p3") -> WireSeverity:
    return WireSeverity.model_validate({"scheme": scheme, "value": f"P{severity + FIRST[scheme]}"})


def from_wire(severity: WireSeverity) -> int:
    """Raises ``ValueError`` for a value that its scheme does not have."""
    rank = int(severity.value[1:]) - FIRST[severity.scheme]
    if not WORST <= rank <= MILDEST:
        raise ValueError(f"{severity.value} is not in the scheme {severity.scheme}")
    return rank
