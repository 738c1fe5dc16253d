"""Stage 3, group: alerts that come together are told together, and a storm of groups is one group."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from notifier.domain.board import Group
from notifier.domain.policy import Policy

MINUTE = timedelta(minutes=1)
STORM_PREFIX = "storm/"


def opened(key: str, route: str, at: datetime, policy: Policy) -> Group:
    return Group(key, route, due_at=at + timedelta(seconds=policy.wait_seconds), storm=key.startswith(STORM_PREFIX))


def touched(group: Group, at: datetime, policy: Policy, *, worse: bool = False) -> Group:
    """The group after news in it: told after the wait at first, then once an interval; worse news only waits."""
    due = at + timedelta(seconds=policy.wait_seconds)
    if group.flushed_at is not None and not worse:
        due = max(at, group.flushed_at + timedelta(seconds=policy.interval_seconds))
    return replace(group, due_at=min(due, group.due_at or due))


def flushed(group: Group, at: datetime, policy: Policy, *, look_again: bool) -> Group:
    """The group after it was told. Where something was held back, it is looked at again after the interval."""
    again = at + timedelta(seconds=policy.interval_seconds) if look_again else None
    return replace(group, flushed_at=at, due_at=again)


def with_new_group(new_groups: Sequence[datetime], at: datetime, policy: Policy) -> tuple[datetime, ...]:
    """When the newest groups were new: as many as a minute may have, and one more."""
    return (*new_groups, at)[-policy.storm_groups_per_minute_max - 1 :]


def is_storm(new_groups: Sequence[datetime], policy: Policy) -> bool:
    """Were more groups new within the last minute than may be?"""
    return len(new_groups) > policy.storm_groups_per_minute_max and new_groups[-1] - new_groups[0] < MINUTE


def storm_key(at: datetime) -> str:
    return f"{STORM_PREFIX}{at.isoformat()}"
