"""Stage 1, route: who is concerned with an alert, and which alerts are told together."""

from collections.abc import Mapping

from notifier.domain.matchers import matches
from notifier.domain.policy import Policy, Route


def route_of(labels: Mapping[str, str], policy: Policy) -> Route:
    """The first route that takes the alert; the last one takes all."""
    return next(route for route in policy.routes if matches(route.matchers, labels))


def group_key(route: Route, labels: Mapping[str, str]) -> str:
    """The same for alerts that are told together."""
    values = ",".join(f"{name}={labels.get(name, '')}" for name in route.group_by)
    return f"{route.name}/{values}"
