"""Tell Flyball what an agent does, and ask what it may do. Never raises into the agent, never holds it up.

```python
from flyball import sdk

sdk.init(system="support-agent", release="2.4.1")
with sdk.run(), sdk.llm(model="large-1") as call:
    answer = model(question)
    call.used(input_tokens=812, output_tokens=64)
    with sdk.guard("refunds", "refund.create", f"order/{order}", {"amount": 12}, confidence=0.93) as permit:
        if permit:
            refund(order, 12)
```
"""

import atexit
import logging
import os
from collections.abc import Mapping
from typing import Any

from flyball.sdk.client import Client, connect
from flyball.sdk.guarding import Guard
from flyball.sdk.running import CURRENT, Call, Run
from flyball.sdk.settings import settings_from

__all__ = ["escalate", "flush", "guard", "init", "llm", "outcome", "run"]

logger = logging.getLogger("flyball.sdk")
EXIT_SECONDS_MAX = 2.0
OUTCOME_CHARACTERS_MAX = 64
_state: dict[str, Client] = {}


def init(
    *,
    system: str | None = None,
    release: str | None = None,
    kafka: str | None = None,
    url: str | None = None,
    token: str | None = None,
    tenant: str | None = None,
    evidence_epoch: str | None = None,
) -> bool:
    """Connect, in the background. What is not given comes from ``FLYBALL_SYSTEM``, ``FLYBALL_KAFKA`` and so on.

    Without a broker or a system everything here does nothing, and ``guard`` lets everything through. False says so.
    """
    _close()
    try:
        settings = settings_from(
            os.environ,
            system=system,
            release=release,
            kafka=kafka,
            url=url,
            token=token,
            tenant=tenant,
            evidence_epoch=evidence_epoch,
        )
        if settings is None:
            logger.warning("Flyball is not configured: nothing is told and nothing is guarded")
            return False
        _state["client"] = connect(settings)
    except Exception:
        logger.exception("Flyball could not be set up: nothing is told and nothing is guarded")
        return False
    return True


def run(
    *, interaction_id: str | None = None, session_id: str | None = None, segment: Mapping[str, str] | None = None
) -> Run:
    """Wraps one interaction, a request and its answer; for ``with`` and ``async with``."""
    given = {"interaction_id": interaction_id, "session_id": session_id, "segment": dict(segment or {})}
    return Run(_state.get("client"), given)


def llm(*, model: str | None = None, provider: str | None = None) -> Call:
    """Wraps one call of a model within an interaction."""
    return Call({"model": model, "provider": provider})


def guard(
    action_class: str,
    operation: str,
    target: str,
    parameters: Mapping[str, Any] | None = None,
    *,
    write: bool = True,
    confidence: float | None = None,
    wait_seconds: float = 0.0,
    **more: Any,
) -> Guard:
    """Wraps one action: enter it ``as permit``, then run the action only if ``permit`` is true.

    ``wait_seconds``: how long to wait for a person where one must approve. ``more``: ``cost_micro_usd``, ``sensitive``,
    ``requester``, ``parent_system``, and ``action_id`` to come back later for the same action.
    """
    action = {
        "action_class": action_class,
        "operation": operation,
        "target": target,
        "parameters": parameters,
        "write": write,
        "confidence": confidence,
        **more,
    }
    return Guard(_state.get("client"), action, wait_seconds)


def escalate(reason: str = "") -> None:
    """Say that the interaction is handed to a person."""
    facts = CURRENT.get()
    if facts is not None:
        facts.given["escalated"] = True
        logger.info("escalated: %s", reason)


def outcome(
    result: str = "ok", *, confidence: float | None = None, autonomous: bool | None = None,
    business_value_micro_usd: int | None = None,
) -> None:  # fmt: skip
    """How this interaction ended: ``ok``, or the type of the error."""
    facts = CURRENT.get()
    if facts is None:
        return
    told = {"confidence": confidence, "autonomous": autonomous, "business_value_micro_usd": business_value_micro_usd}
    facts.given.update({name: value for name, value in told.items() if value is not None})
    facts.given["outcome"] = str(result)[:OUTCOME_CHARACTERS_MAX] or "unknown"


def flush(seconds_max: float = 5.0) -> int:
    """Wait until everything was sent; returns how many events were not, those that were dropped before included."""
    client = _state.get("client")
    return client.outbox.flush(seconds_max) + client.outbox.dropped if client else 0


def _close() -> None:
    client = _state.pop("client", None)
    if client is not None:
        left = client.close(EXIT_SECONDS_MAX)
        if left:
            logger.warning("%d events were not sent before the end", left)


atexit.register(_close)
