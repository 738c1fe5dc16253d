"""What follows from a notice: an exception for whoever depends on the feed, an alert for its owner, a record."""

from datetime import UTC, datetime
from typing import Literal

from pydantic import JsonValue

from flyball.schemas.alerts import FIRING, RESOLVED, Alert
from flyball.schemas.audit import AuditRecord
from flyball.schemas.digest import digest_of
from flyball.schemas.telemetry import ExceptionKind, TelemetryException
from telemetry_ingest.domain.feeds.notices import (
    PERSONAL_DATA,
    UNDECLARED,
    UNPRICED,
    Notice,
    Noticed,
    Priced,
    Quarantined,
)
from telemetry_ingest.domain.feeds.state import Quarantine

SERVICE = "telemetry-ingest"
FEED_RULE, PRICE_RULE = "telemetry.feed", "telemetry.unpriced"
KIND = "telemetry.feed"
QUARANTINED, RELEASED = "feed.quarantined", "feed.released"
FEED_SEVERITY, PRICE_SEVERITY = 1, 3
PPM_PER_PERCENT = 10_000
DETAILS = {
    PERSONAL_DATA: "{subject} was masked here; what sends this field should not send it",
    UNPRICED: "no price is known of {subject}; name one under telemetry.prices in the system's spec",
    UNDECLARED: "counted under the default policy; `flyball systems undeclared --spec` prints what declares it",
}
SystemKey = tuple[str, str]
Fact = TelemetryException | Alert | AuditRecord


def facts_of(key: SystemKey, notice: Notice, owner: str) -> tuple[Fact, ...]:
    """``owner``: of the system, as far as its spec says."""
    if isinstance(notice, Quarantined):
        return _quarantined(key, notice.quarantine)
    if isinstance(notice, Priced):
        return (_price_alert(key, notice.model, notice.since_ms, notice.at_ms, owner, RESOLVED),)
    told: tuple[Fact, ...] = (_exception_of(key, notice),)
    if notice.kind == UNPRICED:
        told += (_price_alert(key, notice.subject, notice.at_ms, notice.at_ms, owner, FIRING),)
    return told


def released(key: SystemKey, held: list[Quarantine], actor: str, reason: str, at_ms: int) -> tuple[Fact, ...]:
    """A person's word that the feed is as it should be. ``held`` has one at least, the oldest first."""
    newest = held[-1]
    said = f"released by {actor}: {reason}"
    return (
        _exception(key, RELEASED, newest.field, said, len(held), at_ms),
        _feed_alert(key, newest, at_ms, RESOLVED),
        _record(key, newest, actor, "released", said, at_ms),
    )


def moment_of(at_ms: int) -> datetime:
    return datetime.fromtimestamp(at_ms / 1_000, UTC)


def _quarantined(key: SystemKey, quarantine: Quarantine) -> tuple[Fact, ...]:
    said, at_ms = said_of(quarantine), quarantine.since_ms
    return (
        _exception(key, QUARANTINED, quarantine.field, said, quarantine.count, at_ms),
        _feed_alert(key, quarantine, at_ms, FIRING),
        _record(key, quarantine, f"service:{SERVICE}", "quarantined", said, at_ms),
    )


def said_of(quarantine: Quarantine) -> str:
    rate = quarantine.count / quarantine.rows
    return (
        f"{quarantine.field} is {quarantine.what} in {quarantine.count} of {quarantine.rows} rows ({rate:.2%},"
        f" limit {_percent(quarantine.limit_ppm)}) within {quarantine.window_seconds} s"
    )


def _exception_of(key: SystemKey, noticed: Noticed) -> TelemetryException:
    detail = DETAILS[noticed.kind].format(subject=noticed.subject)
    return _exception(key, noticed.kind, noticed.field, detail, noticed.count, noticed.at_ms, noticed.release)


def _exception(
    key: SystemKey, kind: str, field: str | None, detail: str, count: int, at_ms: int, release: str | None = None
) -> TelemetryException:
    known: ExceptionKind = kind  # type: ignore[assignment]
    return TelemetryException(
        tenant=key[0],
        system=key[1],
        kind=known,
        field=field[:256] if field else None,
        detail=detail[:1_024],
        count=count,
        seen_at=moment_of(at_ms),
        release=release,
    )


def _feed_alert(key: SystemKey, quarantine: Quarantine, at_ms: int, status: Literal["firing", "resolved"]) -> Alert:
    firing = status == FIRING
    name = f"the feed of {key[1]}"
    return Alert(
        tenant=key[0],
        system=key[1],
        rule=FEED_RULE,
        fingerprint=f"{FEED_RULE}/{key[1]}",
        severity=FEED_SEVERITY,
        status=status,
        summary=(f"{name} is in quarantine: {said_of(quarantine)}" if firing else f"{name} was released")[:512],
        observed=f"{quarantine.field} {quarantine.what}: {quarantine.count / quarantine.rows:.2%}"[:256],
        threshold=f"at most {_percent(quarantine.limit_ppm)}",
        window=f"{quarantine.window_seconds} s",
        sample_size=quarantine.rows,
        owner=quarantine.owner,
        runbook=None,
        done_already=("its summaries are marked suspect", "drift and promotions pause") if firing else (),
        labels={"field": quarantine.field, "what": quarantine.what},
        started_at=moment_of(quarantine.since_ms),
        ended_at=None if firing else moment_of(at_ms),
    )


def _price_alert(
    key: SystemKey, model: str, since_ms: int, at_ms: int, owner: str, status: Literal["firing", "resolved"]
) -> Alert:
    firing = status == FIRING
    return Alert(
        tenant=key[0],
        system=key[1],
        rule=PRICE_RULE,
        fingerprint=f"{PRICE_RULE}/{key[1]}/{model}"[:256],
        severity=PRICE_SEVERITY,
        status=status,
        summary=f"{model} of {key[1]} has {'no' if firing else 'a'} price"[:512],
        observed="unpriced" if firing else "priced",
        threshold="every model has a price",
        window="1 request",
        sample_size=1,
        owner=owner,
        runbook=None,
        done_already=("counted as unpriced, not as free",) if firing else (),
        labels={"model": model},
        started_at=moment_of(since_ms),
        ended_at=None if firing else moment_of(at_ms),
    )


def _record(key: SystemKey, quarantine: Quarantine, actor: str, decision: str, reason: str, at_ms: int) -> AuditRecord:
    inputs: dict[str, JsonValue] = {
        "field": quarantine.field,
        "what": quarantine.what,
        "count": quarantine.count,
        "rows": quarantine.rows,
        "limit_ppm": quarantine.limit_ppm,
        "window_seconds": quarantine.window_seconds,
        "decided_by": "evidence" if decision == "quarantined" else actor,
    }
    return AuditRecord(
        tenant=key[0],
        system=key[1],
        service=SERVICE,
        kind=KIND,
        subject=f"{key[0]}/{key[1]}"[:256],
        actor=actor,
        decision=decision,
        reason=reason[:1_024],
        policy_version=quarantine.policy_version,
        inputs=inputs,
        inputs_digest=digest_of(inputs),
        decided_at=moment_of(at_ms),
    )


def decide_again(inputs: dict[str, object]) -> str:
    """What recorded inputs call for by the code that runs today. Raises ``KeyError`` for others."""
    if inputs["decided_by"] != "evidence":
        return "released"
    count, rows, limit = (int(str(inputs[name])) for name in ("count", "rows", "limit_ppm"))
    return "quarantined" if count * 1_000_000 > limit * rows else "trusted"


def _percent(ppm: int) -> str:
    return f"{ppm / PPM_PER_PERCENT:g} %"
