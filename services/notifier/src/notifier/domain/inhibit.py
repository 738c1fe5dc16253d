"""Stage 4, inhibit: what follows from something worse that fires already pages nobody."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from notifier.domain.matchers import matches
from notifier.domain.policy import InhibitRule, Policy

Labels = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class _Sources:
    """Fingerprints of firing sources by their values of ``equal``; the second of those that are no targets."""

    rule: InhibitRule
    all_of: dict[tuple[str, ...], set[str]]
    one_sided: dict[tuple[str, ...], set[str]]


@dataclass(frozen=True, slots=True)
class Inhibitions:
    """The rules, with the sources that fire now."""

    sources: tuple[_Sources, ...]

    def inhibited(self, fingerprint: str, labels: Labels) -> bool:
        return any(_inhibits(sources, fingerprint, labels) for sources in self.sources)


def inhibitions(firing: Collection[tuple[str, Labels]], policy: Policy) -> Inhibitions:
    """``firing``: fingerprint and labels of everything that fires, silenced or not."""
    return Inhibitions(tuple(_sources(rule, firing) for rule in policy.inhibit_rules))


def _sources(rule: InhibitRule, firing: Iterable[tuple[str, Labels]]) -> _Sources:
    found = _Sources(rule, {}, {})
    for fingerprint, labels in firing:
        if matches(rule.source, labels):
            values = _values(rule, labels)
            found.all_of.setdefault(values, set()).add(fingerprint)
            if not matches(rule.target, labels):
                found.one_sided.setdefault(values, set()).add(fingerprint)
    return found


def _inhibits(sources: _Sources, fingerprint: str, labels: Labels) -> bool:
    rule = sources.rule
    if not matches(rule.target, labels):
        return False
    # An alert that is source and target may not be inhibited by another such, or both would stay untold.
    by = sources.one_sided if matches(rule.source, labels) else sources.all_of
    return bool(by.get(_values(rule, labels), set()) - {fingerprint})


def _values(rule: InhibitRule, labels: Labels) -> tuple[str, ...]:
    return tuple(labels.get(name, "") for name in rule.equal)
