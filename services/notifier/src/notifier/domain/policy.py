"""What users can change about paging: waits, limits, routes. One version of it decides at a time."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

SEVERITIES = 4
DAYS_7_SECONDS = 604_800
LIMIT_MAX = 100_000
PAGERDUTY, SLACK, ALERTMANAGER = "pagerduty", "slack", "alertmanager"
CHANNELS = (PAGERDUTY, SLACK, ALERTMANAGER)
ACKNOWLEDGING = frozenset({PAGERDUTY, SLACK})
"""Channels in which an acknowledgement can be told."""
ON_CALL, ROOM, RECEIVER = "on-call", "room", "receiver"
BySeverity = tuple[int, int, int, int]
"""One figure for each severity, the worst first."""
Operation = Literal["=", "!=", "=~", "!~"]
STEPS_MAX = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Matcher:
    """As in Alertmanager: a label that is missing is the empty text; expressions match the whole value."""

    name: str
    operation: Operation = "="
    value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class InhibitRule:
    """While a source fires, targets with the same values of the labels ``equal`` page nobody."""

    source: tuple[Matcher, ...]
    target: tuple[Matcher, ...]
    equal: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """Tell ``target`` so long after an epoch began, through the first of ``channels`` that works."""

    target: str
    channels: tuple[str, ...]
    wait_seconds: int = 0
    severity_max: int = SEVERITIES - 1
    """Only incidents at least as bad as this take the step."""

    def __post_init__(self) -> None:
        unknown = [channel for channel in self.channels if channel not in CHANNELS]
        if unknown or not self.channels:
            raise ValueError(f"a step for {self.target} needs channels among {', '.join(CHANNELS)}; got {unknown}")
        if not 0 <= self.wait_seconds <= DAYS_7_SECONDS or not 0 <= self.severity_max < SEVERITIES:
            raise ValueError(f"a step for {self.target} waits 0 s to 7 days and has severity_max 0 to 3")

    @property
    def name(self) -> str:
        """Stays the same when other steps come and go, so that a step is never taken twice in an epoch."""
        return f"{self.target}+{self.wait_seconds}s"


DEFAULT_STEPS = (
    Step(target=ON_CALL, channels=(PAGERDUTY, SLACK), severity_max=1),
    Step(target=ROOM, channels=(SLACK,)),
    Step(target=RECEIVER, channels=(ALERTMANAGER,)),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """Alerts that all ``matchers`` match, unless an earlier route took them."""

    name: str
    matchers: tuple[Matcher, ...] = ()
    group_by: tuple[str, ...] = ("system", "rule")
    steps: tuple[Step, ...] = DEFAULT_STEPS

    def __post_init__(self) -> None:
        names = [step.name for step in self.steps]
        if len(names) > STEPS_MAX or len(set(names)) < len(names):
            raise ValueError(f"route {self.name} has {STEPS_MAX} steps at most, no two alike in target and wait")


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """The defaults are the figures that Flyball promises. The last route takes whatever no other took."""

    version: int = 0
    wait_seconds: int = 30
    """From the first alert of a group to its first notice, so that what belongs together arrives together."""
    interval_seconds: int = 300
    repeat_seconds: int = 14_400
    refire_seconds: int = 900
    storm_groups_per_minute_max: int = 20
    response_seconds: BySeverity = (900, 3_600, 14_400, 86_400)
    acknowledgement_seconds: BySeverity = (1_800, 0, 0, 0)
    """How long an acknowledgement holds; 0: for ever."""
    sends_per_minute_max: int = 30
    """To one target on one channel, so that no provider blocks us. Resolves are not held back."""
    alerts_open_max: int = 20_000
    routes: tuple[Route, ...] = (Route(name="default"),)
    inhibit_rules: tuple[InhibitRule, ...] = ()

    def __post_init__(self) -> None:
        if not self.routes or self.routes[-1].matchers:
            raise ValueError("the last route must have no matchers, so that no alert is without a route")
        if len({route.name for route in self.routes}) < len(self.routes):
            raise ValueError("two routes have the same name")
        seconds = (self.wait_seconds, self.interval_seconds, self.repeat_seconds, self.refire_seconds)
        limits = (self.storm_groups_per_minute_max, self.sends_per_minute_max, self.alerts_open_max)
        if any(not 0 <= value <= DAYS_7_SECONDS for value in seconds) or any(
            not 1 <= limit <= LIMIT_MAX for limit in limits
        ):
            raise ValueError("times are 0 s to 7 days, limits 1 to 100,000")
        if min(self.interval_seconds, self.repeat_seconds) < 1:
            raise ValueError("interval_seconds and repeat_seconds are 1 at least")

    @property
    def last_route(self) -> Route:
        return self.routes[-1]

    @property
    def refire(self) -> timedelta:
        return timedelta(seconds=self.refire_seconds)

    @property
    def interval(self) -> timedelta:
        return timedelta(seconds=self.interval_seconds)

    def route(self, name: str) -> Route:
        """The route of this name; the last one where a policy that is gone named it."""
        return next((route for route in self.routes if route.name == name), self.last_route)

    def response(self, severity: int) -> timedelta:
        return timedelta(seconds=self.response_seconds[severity])
