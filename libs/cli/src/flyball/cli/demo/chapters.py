"""The story in order. Each chapter begins something, and ends when the system that is being shown has answered."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from io import BytesIO
from typing import Any
from uuid import uuid4

from flyball.cli.demo.api import Api, StoryError
from flyball.cli.demo.narrator import Narrator
from flyball.cli.demo.show import Teller
from flyball.cli.demo.story import BAD, BILLING, FRAUD, GOOD, SUPPORT, training_rows
from flyball.cli.demo.traffic import Traffic
from flyball.cli.reference_file import features_of, read

POLL_SECONDS = 0.25
CHAPTER_SECONDS_MAX = 180.0
ENOUGH_EVENTS = 1_000
TRAINING_ROWS = 10_000
SPECS: tuple[dict[str, Any], ...] = (
    {
        "system": BILLING,
        "purpose": "answers questions about invoices, and refunds",
        "owners": {"technical": "ada"},
        "autonomy": {"action_classes": {"refunds": {"operations": ["refund.*"], "level": 2}}},
    },
    {"system": SUPPORT, "purpose": "answers questions", "owners": {"technical": "grace"}},
    {
        "system": FRAUD,
        "purpose": "scores payments",
        "owners": {"technical": "lin"},
        # As short as the demo. In production a pane waits a minute for stragglers, and the first 200 panes measure how
        # much rows depend on one another; here they are drawn independently.
        "drift": {"lateness_seconds": 2, "calibration_panes": 1},
    },
)
POLICY = {"steps_basis_points": [5_000, 10_000], "settle_seconds": 0, "lateness_seconds": 2, "verify_alone_seconds": 10}
"""Of the rollout: half of the users at once, and no waiting for stragglers."""


@dataclass(slots=True)
class Stage:
    api: Api
    agents: Api
    """With the token of an agent, which may ask and nothing else."""
    traffic: Traffic
    narrator: Narrator
    teller: Teller


async def tell(stage: Stage) -> None:
    """All chapters. Raises ``StoryError``."""
    await quiet_morning(stage)
    await bad_release(stage)
    await a_person_is_asked(stage)
    await drift(stage)
    await recovery(stage)


async def declare(stage: Stage) -> None:
    """The specs, and what the fraud model was trained on, as `flyball reference create` counts a file."""
    for spec in SPECS:
        await stage.api.put(f"/v1/systems/{spec['system']}", spec)
    rows = "\n".join(json.dumps(row) for row in training_rows(stage.traffic.story.seed, TRAINING_ROWS))
    columns, count = read(BytesIO(rows.encode()), "jsonl", "training rows")
    features, _ = features_of(columns, count)
    reference = {"system": FRAUD, "release": GOOD, "rows": count, "features": features, "source": "training rows"}
    await stage.api.post("/v1/drift/references", reference)


async def quiet_morning(stage: Stage) -> None:
    stage.teller.chapter(
        "Three systems at work",
        f"{BILLING} tells what it does as CloudEvents on Kafka, {FRAUD} in binary mode, {SUPPORT} over HTTP."
        f"\n{BILLING} runs {GOOD}; refunds are its own to give (L2). Some events arrive twice, some are broken.",
    )

    async def enough() -> bool:
        budget = await stage.api.budget(BILLING, "accuracy")
        return budget is not None and budget["zone"] == "green" and stage.traffic.recount.published > ENOUGH_EVENTS

    await _until(enough, "the budgets of healthy systems are green")
    await _until(lambda: _level(stage, 2), "the autonomy of refunds is known")
    decided = await ask_for_refund(stage)
    stage.teller.say(BILLING, f"may I refund order/4711? {decided['verdict']} ({decided['rule']})")


async def bad_release(stage: Stage) -> None:
    stage.teller.chapter(
        f"{BAD} is rolled out to half of the users, and makes up one answer in five",
        "Every made-up answer is burned from the accuracy budget. The two releases are compared on the same minutes.",
    )
    proposal = {
        "system": BILLING,
        "baseline": GOOD,
        "candidate": BAD,
        "reason": "faster model",
        "policy": POLICY,
    }
    stage.narrator.rollout_id = (await stage.api.post("/v1/rollouts", proposal))["rollout_id"]
    stage.traffic.drifted = True
    await _until(lambda: _said(stage, "rolled_back"), "the bad release is rolled back and seen to be gone", 300)


async def a_person_is_asked(stage: Stage) -> None:
    stage.teller.chapter(
        "What the agent may do alone has changed",
        "A red budget takes a level of autonomy from every class of action. Refunds now need a person, once each.",
    )
    await _until(lambda: _level(stage, 1), "the level of refunds is lower")
    decided = await ask_for_refund(stage)
    stage.teller.say(BILLING, f"may I refund order/4711? {decided['verdict']} ({decided['rule']})")
    review = f"/v1/reviews/{decided['review_id']}"
    await stage.api.post(f"{review}/judgment", {"judgment": "approve", "confidence": 4})
    await stage.api.post(f"{review}/verdict", {"resolution": "approve"})
    stage.teller.say("you", "approve this one refund, by the digest of exactly this action")
    action = f"/v1/actions/{decided['action_id']}"
    start = {"digest": decided["digest"], "policy_version": decided["policy_version"]}
    await stage.agents.post(f"{action}/start", start)
    again = await stage.agents.client.post(f"{action}/start", json=start)
    stage.teller.say(BILLING, f"refunds, once; a second start of it is refused: {again.json()['reason']}")


async def drift(stage: Stage) -> None:
    stage.teller.chapter(
        f"Meanwhile the payments that {FRAUD} sees have changed",
        "Its amounts are 1.6 times what they were. A sequential test says so, however often somebody looks.",
    )

    async def found() -> bool:
        return bool(stage.narrator.drifts)

    await _until(found, "the drift of a feature is found")


async def recovery(stage: Stage) -> None:
    stage.teller.chapter("Recovery", f"With {GOOD} alone the budget earns more than it burns again.")
    seen: list[dict[str, Any]] = []

    async def better() -> bool:
        now = await stage.api.budget(BILLING, "accuracy")
        seen.extend([now] if now else [])
        return bool(seen) and seen[-1]["remaining_ppm"] > seen[0]["remaining_ppm"]

    await _until(better, "the budget recovers")
    before, now = (f"{budget['remaining_ppm'] / 10_000:.1f} %" for budget in (seen[0], seen[-1]))
    told = f"accuracy left {before} -> {now}; the zone stays {seen[-1]['zone']} until it has been well for a day"
    stage.teller.say(BILLING, told)


async def ask_for_refund(stage: Stage) -> dict[str, Any]:
    now = datetime.now(UTC)
    request = {
        "kind": "requested",
        "action_id": str(uuid4()),
        "system": BILLING,
        "release": GOOD,
        "action_class": "refunds",
        "operation": "refund.create",
        "target": "order/4711",
        "parameters": {"amount_eur": 12},
        "confidence": 0.93,
        "deadline": (now + timedelta(minutes=1)).isoformat(),
        "requested_at": now.isoformat(),
    }
    return await stage.agents.post("/v1/decisions", request)


async def _level(stage: Stage, level_max: int) -> bool:
    level = stage.narrator.levels.get((BILLING, "refunds"))
    return level is not None and level <= level_max


async def _said(stage: Stage, step: str) -> bool:
    return step in stage.narrator.steps


async def _until(good: Callable[[], Awaitable[bool]], what: str, seconds_max: float = CHAPTER_SECONDS_MAX) -> None:
    try:
        async with asyncio.timeout(seconds_max):
            while not await good():
                await asyncio.sleep(POLL_SECONDS)
    except TimeoutError:
        raise StoryError(f"not seen in {seconds_max:.0f} s: {what}") from None
