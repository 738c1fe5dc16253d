"""What the agent asks leave for, drawn from the seed; and its spec."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any
from uuid import UUID

SYSTEM = "shop-agent"
RELEASE = "3.1.0"
ORDERS = {"operations": ["order.*"], "level": 1, "deny": [{"name": "no-gifts", "parameter": "method", "value": "gift"}]}
SPEC = {"system": SYSTEM, "autonomy": {"action_classes": {"orders": ORDERS}}}
BROKEN = (b"", b"{", b"null", b'{"kind": "requested"}', b'{"kind": "other"}', b"\xff\xfe")
AGAIN = 0.3
IN_TIME = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Wish:
    """One record for agent.actions.v1; ``action_id`` is None where it cannot be read."""

    action_id: str | None
    body: bytes


def wishes(random: Random, count: int) -> list[Wish]:
    """``count`` different actions, many of them asked for more than once, between records that nobody can read."""
    made = [_wish(random) for _ in range(count)]
    again = [wish for wish in made if random.random() < AGAIN]
    broken = [Wish(None, random.choice(BROKEN)) for _ in range(count // 20)]
    shuffled = made + again + broken
    random.shuffle(shuffled)
    return shuffled


def _wish(random: Random) -> Wish:
    action_id = str(UUID(int=random.getrandbits(128), version=4))
    kinds: tuple[dict[str, Any], ...] = (
        {"operation": "order.read", "write": False},
        {"operation": "order.cancel"},
        {"operation": "order.cancel", "confidence": 0.2},
        {"operation": "order.pay", "parameters": {"method": "gift"}},
        {"operation": "mail.send", "action_class": "mails"},
        {"operation": "order.cancel", "deadline": "2026-01-01T00:00:00Z"},
    )
    now = datetime.now(UTC)
    given = {
        "kind": "requested",
        "action_id": action_id,
        "system": SYSTEM,
        "release": RELEASE,
        "action_class": "orders",
        "target": f"order/{random.randrange(10_000)}",
        "confidence": 0.95,
        "deadline": (now + IN_TIME).isoformat(),
        "requested_at": now.isoformat(),
        **random.choices(kinds, (4, 4, 1, 1, 1, 1))[0],
    }
    return Wish(action_id, json.dumps(given).encode())


def report(action_id: str, end: str) -> bytes:
    """How an action ended, told by the agent."""
    told = {"kind": "reported", "action_id": action_id, "system": SYSTEM, "end": end}
    return json.dumps({**told, "reported_at": datetime.now(UTC).isoformat()}).encode()
