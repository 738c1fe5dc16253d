"""Which actions people audit: a keyed hash of the action's id, so that no agent can tell and no retry changes it."""

import hmac
from dataclasses import dataclass
from hashlib import sha256

from autonomy_controller.domain.state import Sample

RANDOM_BY_LEVEL = {0: 0.0, 1: 0.05, 2: 0.10, 3: 0.05, 4: 0.02}
"""Shares of what runs by itself. At L0 a person sees every action before it runs."""
INDEPENDENT_APPROVALS_MIN = 0.20
RISKY = 0.25
DIGITS = 2**53


@dataclass(frozen=True, slots=True)
class Salt:
    """The key of the hash. It never leaves the controller; its id is stored with each sample."""

    id: str
    key: bytes


def fraction_of(salt: Salt, text: str) -> float:
    """HMAC-SHA256(salt, text) as a fraction in [0, 1): its first 53 bits, which a float holds exactly."""
    digest = hmac.new(salt.key, text.encode(), sha256).digest()
    return (int.from_bytes(digest[:8], "big") >> 11) / DIGITS


def sample(
    salt: Salt, action_id: str, level: int, *, risky: bool, anomaly: bool, doubled: bool, by_itself: bool
) -> Sample:
    """The largest probability of the rules that apply. ``by_itself``: no person sees the action before it runs."""
    random = RANDOM_BY_LEVEL[level] * (2 if doubled else 1)
    rules = {"random": random, "risky": RISKY if risky and level >= 2 else 0.0, "anomaly": 1.0 if anomaly else 0.0}  # noqa: PLR2004
    rule, p = max(rules.items(), key=lambda item: item[1])
    if not by_itself:
        rule, p = "seen_before", 0.0
    return Sample(u=fraction_of(salt, action_id), p=p, salt_id=salt.id, rule=rule)


def judged_independently(salt: Salt, action_id: str) -> bool:
    """Is this approval one of those in which people judge before they see what the system proposes?"""
    return fraction_of(salt, f"independent {action_id}") < INDEPENDENT_APPROVALS_MIN
