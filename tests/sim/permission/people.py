"""Who lives around autonomy-controller: agents who ask, act and report, and people who judge, approve and kill."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, TypeVar
from uuid import UUID, uuid5

from autonomy_controller.commands import Commands, NotFound, TooManyReviews
from autonomy_controller.domain.reviews import Refused
from autonomy_controller.domain.state import Action, ClassState, Judgment, Verdict
from flyball.bus.messages import fact
from flyball.schemas.autonomy import ActionReported, ActionRequested
from flyball.schemas.topics import AGENT_ACTIONS, AGENT_DECISIONS
from flyball.sdk.deciding import Known, decide, decided
from flyball.sim.broker import Broker
from flyball.sim.publisher import MemoryPublisher
from flyball.sim.world import World
from flyball.store.errors import Transient
from flyball.store.ports import Outgoing

LETTERS = UUID("1d1f6b0e-3d0c-5d53-a1d7-0b8c5b1f3c77")
OWNER, REQUESTER = "user:ada", "user:bea"
REVIEWERS = ("user:grace", "user:hopper", "user:lin")
EVERYBODY = (OWNER, REQUESTER, *REVIEWERS)
SYSTEMS = ("support", "search")
KILLED = "search"
Result = TypeVar("Result")


@dataclass(slots=True)
class Story:
    """What is to happen to one action. ``sdk``: its agent decides by itself, if it may."""

    request: ActionRequested
    sdk: bool
    refused: bool
    """A person says no."""


@dataclass(slots=True)
class Memory:
    """What agents remember, whatever dies around them: which permissions they were given, and what they were told."""

    started: Counter[str] = field(default_factory=Counter)
    answers: dict[str, set[str]] = field(default_factory=dict)
    approvals_of_excluded: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Desk:
    """A replica that answers HTTP: what it was asked is asked again until there is an answer, as clients do."""

    commands: Commands[Any]
    broker: Broker
    stories: Sequence[Story]
    memory: Memory
    classes: Callable[[], Mapping[Any, ClassState]]
    """What agents know of levels: as the controller has them."""
    done: int = 0
    """Survives the replica: whoever waits for an answer asks the next one."""

    async def run(self) -> None:
        random = self._world.random
        while self.done < len(self.stories):
            await asyncio.sleep(random.uniform(0, 3))
            try:
                await self._play(self.stories[self.done])
            except Transient:
                continue
            self.done += 1

    async def _play(self, story: Story) -> None:
        request = story.request
        if story.sdk and await self._decided_alone(request):
            return
        now = self._world.now()
        action = await self.commands.decide(request.model_copy(update={"deadline": now + timedelta(seconds=20)}), now)
        self.memory.answers.setdefault(action.id, set()).add(action.decided.model_dump_json())
        if action.decided.review_id is not None:
            await self._judged(story, action.decided.review_id)
        await self._run(action)

    async def _decided_alone(self, request: ActionRequested) -> bool:
        """As the SDK does: decide by the levels that are known, say so, act, say how it ended."""
        key, stored = (request.tenant, request.system), self.classes()
        known = Known({place[2]: state.control for place, state in stored.items() if place[:2] == key}, None, 0.0)
        given = decide(request, known)
        if given.verdict != "allow":
            return False
        own = decided(request, given, known, self._world.now())
        letters = [self._letter("decided", own, request), self._letter("reported", self._report(request), request)]
        await MemoryPublisher(self.broker).publish(letters)
        return True

    async def _judged(self, story: Story, review_id: str) -> None:
        """Everybody at once, the owner and who asked among them."""
        wishes = [self._says(person, review_id, refuses=story.refused) for person in EVERYBODY]
        answers = await asyncio.gather(*wishes, return_exceptions=True)
        lost = [answer for answer in answers if isinstance(answer, BaseException)]
        if lost:
            raise lost[0]

    async def _says(self, person: str, review_id: str, *, refuses: bool) -> None:
        now, resolution = self._world.now(), "reject" if refuses else "approve"
        judgment = Judgment(reviewer=person, judgment="approve", confidence=3, at=now)
        verdict = Verdict.model_validate({"reviewer": person, "resolution": resolution, "at": now})
        await _allowed(lambda: self.commands.judge(review_id, judgment))
        given = await _allowed(lambda: self.commands.verdict(review_id, verdict))
        if given is not None and person in (OWNER, REQUESTER):
            self.memory.approvals_of_excluded.append(f"{person} on {review_id}")

    async def _run(self, action: Action) -> None:
        """Two copies of the agent start the same action at the same time."""
        bound = action.decided.digest, action.decided.policy_version
        starts = (self.commands.start(action.id, *bound, self._world.now()) for _ in range(2))
        found = await asyncio.gather(*starts, return_exceptions=True)
        won = [one for one in found if isinstance(one, Action)]
        self.memory.started[action.id] += len(won)
        if won or action.decided.verdict == "allow":
            report = self._report(action.request)
            await _allowed(lambda: self.commands.report(report, self._world.now()))
        lost = [one for one in found if isinstance(one, BaseException)]
        if lost and not won:
            raise lost[0]

    def _report(self, request: ActionRequested) -> ActionReported:
        return ActionReported(
            kind="reported",
            action_id=request.action_id,
            tenant=request.tenant,
            system=request.system,
            end="executed",
            reported_at=self._world.now(),
        )

    def _letter(self, kind: str, event: Any, request: ActionRequested) -> Outgoing:
        return letter(AGENT_DECISIONS, kind, event, request, self._world)

    @property
    def _world(self) -> World:
        return self.broker.world


def letter(topic: Any, kind: str, event: Any, request: ActionRequested, world: World) -> Outgoing:
    """A record as the SDK writes it: its id comes from the action's, so that it is the same when it is sent again."""
    identity = uuid5(LETTERS, f"{kind} {request.action_id}")
    return fact(topic, event, source="agents", identity=identity, system=request.system, time=world.now())


def asking(stories: Sequence[Story], world: World) -> list[Outgoing]:
    """Requests by Kafka, each twice under different ids of their records."""
    twice = [(one.request, copy) for one in stories for copy in (1, 2)]
    return [letter(AGENT_ACTIONS, f"requested {copy}", asked, asked, world) for asked, copy in twice]


async def _allowed(work: Callable[[], Awaitable[Result]]) -> Result | None:
    """The answer; None where the controller says no."""
    try:
        return await work()
    except (Refused, NotFound, TooManyReviews):
        return None
