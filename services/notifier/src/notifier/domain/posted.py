"""Alerts as Prometheus and others post them to an Alertmanager: labels and annotations, told as alerts of ours."""

import re
from collections.abc import Mapping
from datetime import datetime
from hashlib import sha256
from typing import Annotated, Any, Final

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints

from flyball.schemas.alerts import FIRING, RESOLVED, Alert

LABELS_MAX: Final = 64
Key = Annotated[str, StringConstraints(min_length=1, max_length=256)]
Value = Annotated[str, StringConstraints(max_length=4_096)]
Labels = Annotated[dict[Key, Value], Field(max_length=LABELS_MAX)]
WORDS: Final = {"critical": 0, "error": 1, "warning": 2, "info": 3}
SCHEMES: Final = {"p0p3": 0, "p1p4": 1}
SYSTEM_LABELS: Final = ("system", "service", "job")
OWNER_LABELS: Final = ("owner", "team")
NOT_SAID: Final = "not said by its sender"
OWN_LABELS_MAX, KEY_MAX, TEXT_MAX, SUMMARY_MAX, NAME_MAX = 16, 64, 256, 512, 63


class PostedAlert(BaseModel):
    """As in Alertmanager's API v2. Names it has and we do not know are ignored."""

    model_config = ConfigDict(extra="ignore")

    labels: Labels
    annotations: Labels = {}
    startsAt: AwareDatetime | None = None  # noqa: N815  the sender's name
    endsAt: AwareDatetime | None = None  # noqa: N815
    generatorURL: Annotated[str, Field(max_length=2_048)] = ""  # noqa: N815


class NotActionableError(ValueError):
    """Nobody could act on it; the text says what is missing."""


def alert_of(posted: PostedAlert, tenant: str, now: datetime) -> Alert:
    """Raises ``NotActionableError``; the numbers may be unsaid, whom it concerns and what happened may not."""
    labels, notes = posted.labels, posted.annotations
    rule = _named("alertname", labels.get("alertname", ""))
    over = posted.endsAt is not None and posted.endsAt <= now
    started_at = min(posted.startsAt or now, now)
    own = {name[:KEY_MAX]: value[:TEXT_MAX] for name, value in sorted(labels.items()) if value}
    return Alert(
        tenant=tenant,
        system=_named(" or ".join(SYSTEM_LABELS), _first(labels, SYSTEM_LABELS)),
        rule=rule,
        fingerprint=f"posted/{rule}/{_digest(labels)}",
        severity=_severity(labels),
        status=RESOLVED if over else FIRING,
        summary=_needed("annotation summary or description", _first(notes, ("summary", "description")))[:SUMMARY_MAX],
        observed=notes.get("observed", "")[:TEXT_MAX] or notes.get("value", "")[:TEXT_MAX] or NOT_SAID,
        threshold=notes.get("threshold", "")[:TEXT_MAX] or NOT_SAID,
        window=notes.get("window", "")[:KEY_MAX] or NOT_SAID,
        sample_size=int(size) if (size := notes.get("sample_size", ""))[:9].isdecimal() and len(size) < 10 else 0,  # noqa: PLR2004
        owner=_needed("label owner or team", _first(labels, OWNER_LABELS) or _first(notes, OWNER_LABELS))[:TEXT_MAX],
        runbook=_runbook(notes.get("runbook_url", "")),
        labels=dict(list(own.items())[:OWN_LABELS_MAX]),
        started_at=started_at,
        ended_at=max(posted.endsAt, started_at) if over and posted.endsAt else None,
    )


def _severity(labels: Mapping[str, str]) -> int:
    """A word, or P with the scheme that says what it means."""
    value, scheme = labels.get("severity", ""), labels.get("severity_scheme", "")
    if value in WORDS:
        return WORDS[value]
    level = int(value[1]) - SCHEMES[scheme] if re.fullmatch(r"P\d", value) and scheme in SCHEMES else -1
    if not 0 <= level <= len(WORDS) - 1:
        raise NotActionableError(
            f"label severity is {value[:32]!r}: write {', '.join(WORDS)}, or P0 to P4 with the label severity_scheme"
            f" ({' or '.join(SCHEMES)}), for P1 alone means an hour to some and 15 minutes to others"
        )
    return level


def _named(what: str, text: str) -> str:
    """``Payment API`` as ``payment-api``: a name of ours."""
    name = re.sub(r"[^a-z0-9._-]+", "-", _needed(f"label {what}", text).lower()).strip("-._")[:NAME_MAX]
    return name or _needed(f"label {what} with a letter or digit", "")


def _needed(what: str, text: str) -> str:
    if not text:
        raise NotActionableError(f"it has no {what}")
    return text


def _first(given: Mapping[str, str], names: tuple[str, ...]) -> str:
    return next((given[name] for name in names if given.get(name)), "")


def _runbook(url: str) -> Any:
    return url if re.fullmatch(r"https?://\S{1,2000}", url) else None


def _digest(labels: Mapping[str, str]) -> str:
    """The same labels are the same trouble, in whatever order."""
    text = "\0".join(f"{name}\0{value}" for name, value in sorted(labels.items()))
    return sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]
