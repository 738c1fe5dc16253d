"""The policy from its file, held against the contacts there are."""

from collections.abc import Collection
from dataclasses import replace
from pathlib import Path

import yaml
from pydantic import TypeAdapter, ValidationError

from flyball.observe.settings import SettingsError
from notifier.domain.matchers import checked
from notifier.domain.policy import CHANNELS, Matcher, Policy, Route, Step

POLICY = TypeAdapter(Policy)
FILE_BYTES_MAX = 262_144
Contact = tuple[str, str]


class PolicyError(SettingsError):
    """The policy cannot be used; the text names the cause and what to do."""

    def __init__(self, text: str) -> None:
        Exception.__init__(self, text)


def load_policy(path: Path | None, contacts: Collection[Contact]) -> Policy:
    """The policy in force, whose every step can reach somebody.

    Raises:
        PolicyError: the file cannot be read, or names somebody without an address.
    """
    _check_channels(contacts)
    if path is None:
        return _reaching(Policy(), contacts)
    policy = _read(path)
    for route in policy.routes:
        _check_reachable(path, route, contacts)
    return policy


def _read(path: Path) -> Policy:
    try:
        text = path.read_text(encoding="utf-8")
        if len(text) > FILE_BYTES_MAX:
            raise PolicyError(f"{path} is larger than {FILE_BYTES_MAX} bytes")
        policy = POLICY.validate_python(yaml.safe_load(text) or {})
        for matcher in _matchers(policy):
            checked(matcher)
    except (OSError, UnicodeDecodeError, yaml.YAMLError, RecursionError) as error:
        raise PolicyError(f"FLYBALL_NOTIFIER_POLICY: {path} cannot be read: {error}") from error
    except (ValidationError, ValueError) as error:
        raise PolicyError(f"FLYBALL_NOTIFIER_POLICY: {path} is not a policy: {error}") from error
    return policy


def _matchers(policy: Policy) -> list[Matcher]:
    found = [matcher for route in policy.routes for matcher in route.matchers]
    return found + [matcher for rule in policy.inhibit_rules for matcher in (*rule.source, *rule.target)]


def _check_channels(contacts: Collection[Contact]) -> None:
    unknown = sorted(channel for channel, _ in contacts if channel not in CHANNELS)
    if unknown:
        raise PolicyError(f"FLYBALL_NOTIFIER_CONTACTS: {unknown[0]!r} is no channel; there are {', '.join(CHANNELS)}")


def _check_reachable(path: Path, route: Route, contacts: Collection[Contact]) -> None:
    for step in route.steps:
        for channel in step.channels:
            if (channel, step.target) not in contacts:
                raise PolicyError(
                    f"{path}: route {route.name} tells {step.target} by {channel}, but there is no address for that;"
                    " give one in FLYBALL_NOTIFIER_CONTACTS, or take the channel out"
                )


def _reaching(policy: Policy, contacts: Collection[Contact]) -> Policy:
    """The default chain with those of its channels that were set up."""
    routes = tuple(replace(route, steps=_steps(route, contacts)) for route in policy.routes)
    return replace(policy, routes=routes)


def _steps(route: Route, contacts: Collection[Contact]) -> tuple[Step, ...]:
    found = []
    for step in route.steps:
        channels = tuple(channel for channel in step.channels if (channel, step.target) in contacts)
        if channels:
            found.append(replace(step, channels=channels))
    return tuple(found)
