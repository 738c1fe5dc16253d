"""What somebody must know of a rollback, and that it is over. One fingerprint per target and rule."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from flyball.schemas.alerts import FIRING, RESOLVED, Alert
from flyball.schemas.rollouts import ERRORS, RolloutPolicy
from rollback_executor.domain.facts import Decision, Fact
from rollback_executor.domain.rollout import Rollout

ROLLBACK = "rollout.rollback"
SECOND_ROLLBACK = "rollout.second_rollback"
ROLLBACK_FAILED = "rollout.rollback_failed"
SEVERITIES: Mapping[str, int] = {ROLLBACK: 2, SECOND_ROLLBACK: 1, ROLLBACK_FAILED: 0}
LINE_CHARACTERS_MAX = 256
SUMMARY_CHARACTERS_MAX = 512


def with_alert(
    rollout: Rollout, facts: tuple[Fact, ...], rule: str, summary: str, observed: str, threshold: str, at: datetime
) -> Decision:
    """Fire an alert; the rollout remembers since when, for its end."""
    rollout = replace(rollout, alerted={**rollout.alerted, rule: at})
    return rollout, (*facts, _alert(rollout, rule, summary, observed, threshold, at))


def without_alerts(rollout: Rollout, facts: tuple[Fact, ...], reason: str, at: datetime) -> Decision:
    """Resolve whatever is firing."""
    ended = tuple(
        _alert(rollout, rule, f"{rollout.system}: {reason}", reason, "-", since, ended_at=at)
        for rule, since in sorted(rollout.alerted.items())
    )
    return replace(rollout, alerted={}), (*facts, *ended)


def unproven(rollout: Rollout, policy: RolloutPolicy) -> tuple[str, str]:
    """Summary and threshold of a rollback that failed."""
    stable = rollout.restore.stable
    return (
        f"{rollout.system}: nothing proves that {stable} is back; {rollout.candidate} may run",
        f"every replica and the telemetry show {stable} alone within {policy.verify_seconds_max} s",
    )


def _alert(
    rollout: Rollout,
    rule: str,
    summary: str,
    observed: str,
    threshold: str,
    started_at: datetime,
    ended_at: datetime | None = None,
) -> Alert:
    return Alert(
        tenant=rollout.tenant,
        system=rollout.system,
        rule=rule,
        fingerprint=f"{rule}/{rollout.system}/{rollout.environment}",
        severity=SEVERITIES[rule],
        status=FIRING if ended_at is None else RESOLVED,
        summary=summary[:SUMMARY_CHARACTERS_MAX],
        observed=observed[:LINE_CHARACTERS_MAX],
        threshold=threshold,
        window=f"since {rollout.opened_at:%Y-%m-%d %H:%M} UTC",
        sample_size=rollout.evidence.metrics[ERRORS].candidate_count,
        owner=rollout.owner,
        runbook=None,
        done_already=(f"step {rollout.step} at epoch {rollout.epoch}",),
        labels={
            "environment": rollout.environment,
            "rollout": rollout.id[:LINE_CHARACTERS_MAX],
            "candidate": rollout.candidate,
            "restored": rollout.restore.stable,
        },
        started_at=started_at,
        ended_at=ended_at,
    )
