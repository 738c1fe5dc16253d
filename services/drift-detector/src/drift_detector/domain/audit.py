"""Changes of a feature's latch on the record, with all that is needed to judge them again."""

from datetime import UTC, datetime
from typing import Any

import numpy as np
from pydantic import TypeAdapter

from drift_detector.domain.finding import SERVICE, Finding, Occasion
from drift_detector.domain.judge import Evidence, judged
from drift_detector.domain.state import FeatureState
from flyball.schemas.audit import AuditRecord
from flyball.schemas.digest import digest_of
from flyball.schemas.drift import DriftPolicy, DriftReference, FeatureReference

KIND = "drift.feature"
REFERENCE_KIND = "drift.reference"
REFERENCE: TypeAdapter[FeatureReference] = TypeAdapter(FeatureReference)
LOG_MIN = -1e9
"""Stands for the logarithm of nothing, which JSON cannot write."""
MIDNIGHT = datetime(2000, 1, 1, tzinfo=UTC)


def feature_record(finding: Finding, occasion: Occasion, episode: str) -> AuditRecord:
    inputs = _inputs(finding, occasion)
    return AuditRecord(
        tenant=occasion.tenant,
        system=occasion.system,
        service=SERVICE,
        kind=KIND,
        subject=f"{occasion.tenant}/{occasion.system}/{episode}"[:256],
        actor=occasion.actor,
        decision=_decision(finding.after),
        reason=finding.reason[:1_024],
        policy_version=occasion.rules.version,
        inputs=inputs,
        inputs_digest=digest_of(inputs),
        decided_at=occasion.now,
    )


def reference_record(reference: DriftReference, reason: str) -> AuditRecord:
    """The record of a new version: a person's, or the first rows'."""
    body: Any = reference.model_dump(mode="json")
    inputs: dict[str, Any] = {
        "version": reference.version,
        "rows": reference.rows,
        "features": len(reference.features),
        "indicators": len(reference.indicators),
        "effective_at": body["effective_at"],
        # Its numbers may be beyond what the canonical form writes; its own text is as good.
        "reference_sha256": digest_of(reference.model_dump_json()),
    }
    return AuditRecord(
        tenant=reference.tenant,
        system=reference.system,
        service=SERVICE,
        kind=REFERENCE_KIND,
        subject=f"{reference.tenant}/{reference.system}/{reference.version}",
        actor=reference.author,
        decision="learn anew" if not (reference.features or reference.indicators) else "approved",
        reason=reason[:1_024],
        policy_version=0,
        inputs=inputs,
        inputs_digest=digest_of(inputs),
        decided_at=reference.created_at,
    )


def decide_again(inputs: dict[str, Any]) -> str:
    """State and severity that these inputs call for, by the code that runs today. Raises ``KeyError`` for others."""
    if inputs["decided_by"] != "evidence":
        return str(inputs["decided_by"])
    before = FeatureState(
        state=inputs["state"], severity=inputs["severity"], episode=1, calm_panes=inputs["calm_panes"]
    )
    evidence = Evidence(
        log_statistic=float(inputs["log_statistic"]),
        log_line=float(inputs["log_line"]),
        reference=REFERENCE.validate_json(inputs["reference"]),
        windows=[np.array(cells, dtype=np.int64) for cells in inputs["windows"]],
    )
    policy = DriftPolicy.model_validate_json(inputs["policy"])
    return _decision(judged(before, evidence, policy, MIDNIGHT, None))


def _inputs(finding: Finding, occasion: Occasion) -> dict[str, Any]:
    """Fractions are written as text: so they come back to the last bit, and the digest is the same everywhere."""
    return {
        "decided_by": "evidence" if finding.by_evidence else _decision(finding.after),
        "state": finding.before.state,
        "severity": finding.before.severity,
        "calm_panes": finding.before.calm_panes,
        "log_statistic": repr(max(finding.evidence.log_statistic, LOG_MIN)),
        "log_line": repr(finding.evidence.log_line),
        "stream": finding.stream,
        "dispersion": repr(finding.dispersion),
        "reference_version": occasion.reference_version,
        "reference": REFERENCE.dump_json(finding.section.reference).decode(),
        "window_panes": list(finding.sizes),
        "windows": [window.tolist() for window in finding.evidence.windows],
        "policy": occasion.rules.policy.model_dump_json(),
        "pane_start": occasion.pane_start.isoformat(),
    }


def _decision(state: FeatureState) -> str:
    return f"{state.state}/{state.severity}"
