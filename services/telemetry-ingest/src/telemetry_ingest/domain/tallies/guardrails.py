"""Attempts against each rule."""

from collections import Counter

from flyball.schemas.plain import GuardrailChecked
from flyball.schemas.summaries import GuardrailStatistics

KNOWN_AS = {True: "malicious", False: "benign", None: "unknown"}


def guardrail_statistics(rule: str, kind: str, outcomes: Counter[str]) -> GuardrailStatistics:
    return GuardrailStatistics(rule=rule, kind=kind, **outcomes)


def guardrail_outcome(event: GuardrailChecked) -> str:
    return f"{KNOWN_AS[event.malicious]}_{'blocked' if event.blocked else 'passed'}"
