"""Whatever agents, people and time do, in any order: people approve, an approval runs once, each action ends once."""

import asyncio
from collections import Counter
from collections.abc import Coroutine
from datetime import timedelta
from typing import Any
from uuid import uuid4

from autonomy_builders import START, classes_at, request
from autonomy_memory import World, outbox_of
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, rule

from autonomy_controller.commands import Commands, NotFound, TooManyReviews
from autonomy_controller.domain.reviews import Refused
from autonomy_controller.domain.state import Action, Judgment, Verdict
from autonomy_controller.service import AutonomyController
from autonomy_controller.ticking import Ticker
from flyball.bus.records import Record
from flyball.bus.typed import Received
from flyball.observe.metrics import Metrics
from flyball.schemas.autonomy import ActionReported
from flyball.schemas.topics import AGENT_ACTIONS

PEOPLE = st.sampled_from(["user:ada", "user:bea", "user:grace", "user:hopper", "user:lin"])
KEY = ("default", "support")


class Interleavings(RuleBasedStateMachine):
    """Class orders needs two approvals; ada owns the system, bea asks for every action."""

    ids = Bundle("ids")

    def __init__(self) -> None:
        super().__init__()
        self.world = World(held={KEY: classes_at(1, approvals_needed=2)})
        self.commands = Commands(self.world, lambda memory: memory)
        self.controller = AutonomyController(lambda memory: memory, Metrics("tests"), lambda *_: None)
        self.now = START
        self.started: Counter[str] = Counter()
        self.number = 0

    def run(self, work: Coroutine[Any, Any, Any]) -> Any:
        try:
            return asyncio.run(work)
        except (Refused, NotFound, TooManyReviews):
            return None

    @rule(target=ids, write=st.booleans())
    def ask(self, write: bool) -> str:
        self.number += 1
        asked = request(
            action_id=f"a-{self.number}",
            requester="user:bea",
            write=write,
            operation="order.cancel",
            deadline=self.now + timedelta(seconds=30),
        )
        self.run(self.commands.decide(asked, self.now))
        return asked.action_id

    @rule(action=ids, person=PEOPLE, said=st.sampled_from(["approve", "approve", "approve", "reject"]))
    def decide(self, action: str, person: str, said: str) -> None:
        review = self.world.action[action].decided.review_id
        if review is not None:
            judgment = Judgment(reviewer=person, judgment="approve", confidence=3, at=self.now)
            self.run(self.commands.judge(review, judgment))
            self.run(self.commands.verdict(review, Verdict(reviewer=person, resolution=said, at=self.now)))

    @rule(action=ids, right=st.booleans())
    def start(self, action: str, right: bool) -> None:
        decided = self.world.action[action].decided
        digest = decided.digest if right else "0" * 64
        found = self.run(self.commands.start(action, digest, decided.policy_version, self.now))
        if isinstance(found, Action):
            assert right
            self.started[action] += 1
            if decided.verdict == "require_approval":
                approvers = set(self.world.review[decided.review_id].approved_by)
                assert len(approvers) >= 2
                assert not approvers & {"user:ada", "user:bea"}

    async def heard(self, events: list[ActionReported]) -> None:
        """One batch from the topic."""
        record = Record(AGENT_ACTIONS.name, 0, 0, int(self.now.timestamp() * 1000), None, None, ())
        async with self.world.transaction() as transaction:
            await self.controller.on_actions(transaction, [Received(event, uuid4(), record) for event in events])

    @rule(action=ids, end=st.sampled_from(["executed", "failed"]), copies=st.integers(0, 2))
    def report(self, action: str, end: str, copies: int) -> None:
        """By HTTP, or on the topic, where it may come twice in a batch."""
        before = self.world.action[action].state
        event = ActionReported(kind="reported", action_id=action, system="support", end=end, reported_at=self.now)
        self.run(self.heard([event] * copies) if copies else self.commands.report(event, self.now))
        if before in ("waiting", "approved"):
            assert self.world.action[action].state == before, "what was not started cannot have run"

    @rule(minutes=st.sampled_from([1, 10, 35, 61, 200]))
    def time_passes(self, minutes: int) -> None:
        self.now += timedelta(minutes=minutes)
        before = {key: review.approved_by for key, review in self.world.review.items()}
        states = {key: action.state for key, action in self.world.action.items()}
        self.run(Ticker(self.world, lambda memory: memory, [b"heartbeat.0"], 1, 2, clock=lambda: self.now).tick())
        assert {key: review.approved_by for key, review in self.world.review.items()} == before
        for key, was in states.items():
            became = self.world.action[key].state
            assert became == was or became in ("expired", "failed"), (was, became)

    @rule(person=PEOPLE)
    def kill(self, person: str) -> None:
        self.run(self.commands.kill(KEY, "orders", person, "stop", self.now))
        assert not any(action.state in ("waiting", "approved") for action in self.world.action.values())

    @rule(person=PEOPLE)
    def release(self, person: str) -> None:
        self.run(self.commands.release(KEY, "orders", person, self.now))

    @invariant()
    def an_action_starts_once_at_most(self) -> None:
        assert all(count == 1 for count in self.started.values())

    @invariant()
    def an_action_ends_once(self) -> None:
        ends = Counter(
            one["action_id"] for one in outbox_of(self.world, "agent.decisions.v1") if one["kind"] == "ended"
        )
        assert all(count == 1 for count in ends.values())
        assert ends.keys() == {key for key, action in self.world.action.items() if action.has_ended}

    def teardown(self) -> None:
        """Time alone brings every action to its end."""
        self.now += timedelta(days=3)
        ticker = Ticker(self.world, lambda memory: memory, [], 1, 2, clock=lambda: self.now)
        asyncio.run(ticker.tick())
        assert all(action.has_ended for action in self.world.action.values())
        self.an_action_ends_once()


TestInterleavings = Interleavings.TestCase
TestInterleavings.settings = settings(max_examples=60, stateful_step_count=25)
