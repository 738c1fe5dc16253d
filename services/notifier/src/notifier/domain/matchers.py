"""Matchers over an alert's labels, as in Alertmanager, with expressions that cannot run away."""

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache

from flyball.schemas.alerts import Alert
from notifier.domain.policy import Matcher

EXPRESSION_CHARACTERS_MAX = 256
REPETITIONS_MAX = 3
REPETITION = re.compile(r"(?<!\\)[*+{]")
REPEATED_GROUP = re.compile(r"\)[*+{?]|\(\?")


def labels_of(alert: Alert) -> dict[str, str]:
    """The alert's own labels, under those that every alert has."""
    return {
        **alert.labels,
        "tenant": alert.tenant,
        "system": alert.system,
        "rule": alert.rule,
        "severity": str(alert.severity),
        "owner": alert.owner,
    }


def matches(matchers: Iterable[Matcher], labels: Mapping[str, str]) -> bool:
    """Do all of them match? No matchers match everything."""
    return all(_matches(matcher, labels.get(matcher.name, "")) for matcher in matchers)


def checked(matcher: Matcher) -> Matcher:
    """The matcher itself.

    Raises:
        ValueError: an expression that does not compile, or that could take very long on a hostile label: groups may
            not repeat and three repetitions are the most, so that matching 256 characters stays polynomial.
    """
    if matcher.name == "severity" and re.fullmatch(r"P\d", matcher.value):
        raise ValueError(f"severity {matcher.value!r} does not say its scheme: here it is 0 (the worst) to 3")
    if matcher.operation in {"=~", "!~"}:
        _check_expression(matcher.value)
    return matcher


def _check_expression(text: str) -> None:
    too_long = len(text) > EXPRESSION_CHARACTERS_MAX or len(REPETITION.findall(text)) > REPETITIONS_MAX
    if too_long or REPEATED_GROUP.search(text):
        raise ValueError(f"the expression {text[:64]!r} is too costly: at most {REPETITIONS_MAX} of * + and no (...)*")
    try:
        _compiled(text)
    except re.error as error:
        raise ValueError(f"the expression {text[:64]!r} cannot be read: {error}") from error


def _matches(matcher: Matcher, value: str) -> bool:
    if matcher.operation == "=":
        return value == matcher.value
    if matcher.operation == "!=":
        return value != matcher.value
    found = _compiled(matcher.value).fullmatch(value) is not None
    return found if matcher.operation == "=~" else not found


@lru_cache(maxsize=256)
def _compiled(text: str) -> re.Pattern[str]:
    return re.compile(text)
