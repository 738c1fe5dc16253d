"""A believable day: five systems, one in trouble, one with drifting data, and questions that wait for people."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import httpx

from flyball.bus.producer import open_publisher
from flyball.bus.settings import KafkaSettings
from tests.web.seed_drift import drift
from tests.web.standing import Standing

HOURS = 20
BATCH = 400
DEADLINE_SECONDS = 180
LOOK_SECONDS = 0.3
BAD_SINCE_HOURS = 5.0

SYSTEMS: dict[str, dict[str, Any]] = {
    "claims-triage": {"purpose": "Sorts incoming insurance claims and pays small ones.", "wrong": 4, "slow": 40},
    "support-agent": {"purpose": "Answers customers and refunds small orders.", "wrong": 45, "slow": 50},
    "card-fraud": {"purpose": "Scores card payments.", "wrong": 400, "slow": 300},
    "contract-writer": {"purpose": "Drafts supplier contracts from templates.", "wrong": 150, "slow": 14},
    "shift-planner": {"purpose": "Proposes shift plans to store managers.", "wrong": 200, "slow": 100},
}
"""One interaction in so many is wrong, or slow. Even, so that no zone is entered by chance."""
GOOD_BEFORE = 120
CLASSES = {
    "refunds": {"operations": ["refund.*"], "level": 0, "severity": 1, "validity_minutes": 240},
    "replies": {"operations": ["reply.*"], "level": 2, "severity": 2, "validity_minutes": 240},
}
ACTIONS = (
    ("support-agent", "refunds", "refund.create", "order/83112", {"amount_eur": 48.9, "reason": "late delivery"}, 0.91),
    ("support-agent", "refunds", "refund.create", "order/83127", {"amount_eur": 212, "reason": "damaged"}, 0.62),
    (
        "claims-triage",
        "payouts",
        "payout.release",
        "claim/2026-5511",
        {"amount_eur": 1_240, "iban_checked": True},
        0.83,
    ),
    ("claims-triage", "payouts", "payout.release", "claim/2026-5519", {"amount_eur": 90, "iban_checked": True}, 0.97),
    (
        "contract-writer",
        "signatures",
        "contract.send",
        "supplier/oak-timber",
        {"pages": 12, "changes": ["2.1", "7.4"]},
        0.71,
    ),
    ("support-agent", "refunds", "refund.create", "order/83140", {"amount_eur": 15, "reason": "wrong size"}, None),
    ("claims-triage", "payouts", "payout.release", "claim/2026-5530", {"amount_eur": 430, "iban_checked": False}, 0.55),
    ("shift-planner", "plans", "plan.publish", "store/114", {"week": 48, "people": 23}, 0.88),
)


async def seed(console: Standing, number: int = 7) -> None:
    """Everything, and wait until it shows. Raises ``TimeoutError`` with what is missing."""
    now = datetime.now(UTC)
    async with console.api("admin") as admin, console.api("agent") as agent:
        for system, habits in SYSTEMS.items():
            await _declare(admin, system, habits["purpose"])
        events = sorted(_events(Random(number), now), key=lambda event: str(event.get("time")))
        for start in range(0, len(events), BATCH):
            body = "\n".join(json.dumps(event) for event in events[start : start + BATCH])
            headers = {"content-type": "application/x-ndjson"}
            (await agent.post("/v1/events", content=body, headers=headers)).raise_for_status()
        async with open_publisher(KafkaSettings.from_environment(console.environment), "seed") as publisher:
            await publisher.publish(list(drift(Random(number), now)))
        await _until("budgets", lambda: _has_zone(admin, "claims-triage", "red"))
        # A spec takes effect only some seconds after it was applied; until then its classes are unknown.
        await _until("classes of action", lambda: _knows_class(admin, "support-agent", "refunds"))
        for each, (system, kind, operation, target, parameters, confidence) in enumerate(ACTIONS):
            action = _action(each, system, kind, operation, target, parameters, confidence, now)
            (await agent.post("/v1/decisions", json=action)).raise_for_status()
        await _until("audit", lambda: _audited(agent, admin, now))
        await _until("rollout", lambda: _roll_out(admin))
        await _until("incidents", lambda: _any(admin, "/v1/incidents"))
        await _until("reviews", lambda: _any(admin, "/v1/reviews", len(ACTIONS) + 1))
        await _until("audit records", lambda: _any(admin, "/v1/audit/records", 3))


async def _declare(admin: httpx.AsyncClient, system: str, purpose: str) -> None:
    spec = {
        "system": system,
        "purpose": purpose,
        "owners": {"business": "grace", "technical": "linus", "operations": "team claims"},
        "autonomy": {"action_classes": CLASSES if system == "support-agent" else {}},
    }
    (await admin.put(f"/v1/systems/{system}", json=spec)).raise_for_status()


def _events(random: Random, now: datetime) -> Iterator[dict[str, Any]]:
    for system, habits in SYSTEMS.items():
        per_hour = 24 if system != "card-fraud" else 60
        for number in range(HOURS * per_hour):
            at = now - timedelta(hours=HOURS) + timedelta(hours=number / per_hour)
            yield from _moment(random, system, habits, number, at, now - at < timedelta(hours=BAD_SINCE_HOURS))


def _moment(
    random: Random, system: str, habits: dict[str, Any], number: int, at: datetime, recent: bool
) -> Iterator[dict[str, Any]]:
    """One interaction and what was said of it; at times it comes twice, and at times something unreadable."""
    is_trouble = system == "claims-triage"
    wrong = GOOD_BEFORE if is_trouble and not recent else habits["wrong"]
    slow = 5_200 if number % habits["slow"] == habits["slow"] - 1 else 0
    one, release = f"{system}-{number}", "2.1.0" if is_trouble and recent else "2.0.3"
    latency_ms = round(random.lognormvariate(7.0, 0.35) + slow, 1)
    said = {"interaction_id": one, "release": release, "outcome": "ok", "latency_ms": latency_ms}
    for _ in range(2 if number % 97 == 5 else 1):
        yield _event(f"{one}-i", system, "interaction.completed", at, {**said, "cost_micro_usd": 4_000})
    passed = number % wrong != wrong - 1
    judged = {"interaction_id": one, "release": release, "metric": "factuality", "passed": passed}
    judge = {"evaluator": "judge", "evaluator_version": "3"}
    yield _event(f"{one}-e", system, "evaluation.recorded", at, {**judged, **judge})
    if number % 40 == 7:
        checked = {"release": release, "rule": "injection-4", "kind": "jailbreak", "blocked": True, "malicious": True}
        yield _event(f"{one}-g", system, "guardrail.checked", at, checked)
    if is_trouble and number % 60 == 9:
        yield _event(f"{one}-x", system, "interaction.completed", at, {"release": release, "latency_ms": "fast"})


def _event(identity: str, system: str, kind: str, at: datetime, data: dict[str, Any]) -> dict[str, Any]:
    return {
        "specversion": "1.0",
        "id": identity,
        "source": f"/agents/{system}",
        "type": kind,
        "subject": system,
        "time": at.isoformat(),
        "data": data,
    }


def _action(
    number: int, system: str, kind: str, operation: str, target: str, parameters: Any, confidence: Any, now: datetime
) -> dict[str, Any]:
    return {
        "kind": "requested",
        "action_id": f"action-{number}",
        "system": system,
        "release": "2.0.3",
        "action_class": kind,
        "operation": operation,
        "target": target,
        "parameters": parameters,
        "confidence": confidence,
        "requester": "user:sam",
        "deadline": (now + timedelta(hours=4)).isoformat(),
        "requested_at": now.isoformat(),
    }


async def _audited(agent: httpx.AsyncClient, admin: httpx.AsyncClient, now: datetime) -> bool:
    """One more reply that the agent sends by itself; a quarter of them is audited, and which ones nobody can tell."""
    sent = len((await admin.get("/v1/autonomy/actions", params={"state": "executed"})).json()["items"])
    text = "Your parcel is with the carrier since Thursday. I have asked them where it is and write again tomorrow."
    reply = _action(
        100 + sent, "support-agent", "replies", "reply.send", f"ticket/{5_512 + sent}", {"text": text}, 0.88, now
    )
    decided = (await agent.post("/v1/decisions", json=reply)).raise_for_status().json()
    assert decided["verdict"] == "allow", decided
    report = {
        "kind": "reported",
        "action_id": reply["action_id"],
        "system": "support-agent",
        "end": "executed",
        "reported_at": now.isoformat(),
    }
    (await agent.post(f"/v1/actions/{reply['action_id']}/report", json=report)).raise_for_status()
    reviews = (await admin.get("/v1/reviews")).json()["items"]
    return any(review["kind"] == "audit" for review in reviews)


async def _roll_out(admin: httpx.AsyncClient) -> bool:
    """Refused until rollback-executor has heard of the budgets."""
    rollout = {
        "system": "shift-planner",
        "baseline": "2.0.3",
        "candidate": "2.1.0",
        "reason": "smaller model, same prompts",
    }
    return (await admin.post("/v1/rollouts", json=rollout)).status_code < 300


async def _has_zone(admin: httpx.AsyncClient, system: str, *zones: str) -> bool:
    answer = await admin.get(f"/v1/budgets/{system}")
    return answer.status_code == 200 and answer.json()["worst"] in zones


async def _knows_class(admin: httpx.AsyncClient, system: str, name: str) -> bool:
    answer = await admin.get("/v1/autonomy", params={"system": system})
    return answer.status_code == 200 and any(item["action_class"] == name for item in answer.json()["items"])


async def _any(admin: httpx.AsyncClient, path: str, least: int = 1) -> bool:
    answer = await admin.get(path)
    return answer.status_code == 200 and len(answer.json()["items"]) >= least


async def _until(what: str, is_so: Callable[[], Awaitable[bool]]) -> None:
    try:
        async with asyncio.timeout(DEADLINE_SECONDS):
            while not await is_so():
                await asyncio.sleep(LOOK_SECONDS)
    except TimeoutError as error:
        raise TimeoutError(f"no {what} after {DEADLINE_SECONDS} s") from error
