"""What console would answer about levels, reviews, incidents and silences."""

from typing import Any

LEVELS = [
    {
        "system": "support",
        "action_class": name,
        "starting_level": 3,
        "levels": [{"evidence_epoch": "release 2.1.0", "level": 3, "since": "2026-11-21T09:30:00Z"}],
        "level_max": 1,
        "killed": name == "search",
        "latched": name == "search",
        "released_by": ["user:grace"],
        "anomalies": ["drift basket/1"],
        "reason": "1 open drift episodes",
    }
    for name in ("refunds", "search", "all")
]
PROMOTION = {
    "promotion_id": "p-1",
    "from_level": 2,
    "to_level": 3,
    "done": False,
    "holds": "insufficient_evidence",
    "signed_by": [],
    "signatures_needed": 2,
    "gates": [{"name": "active_days", "holds": "insufficient_evidence", "value": "3 of 90", "missing": "87 more"}],
}
REVIEW = {
    "review_id": "r-1",
    "system": "support",
    "action_class": "refunds",
    "action_id": "a-1",
    "kind": "approval",
    "state": "pending",
    "severity": 2,
    "digest": "0" * 64,
    "question": "May support do this: refund.create on order/1?",
    "arguments": {"amount": 12},
    "proposal": None,
    "approvals_needed": 2,
    "approved_by": [],
    "refused_by": None,
    "resolution": None,
    "respond_by": "2026-11-21T13:30:00Z",
    "valid_until": "2026-11-21T10:30:00Z",
}
INCIDENT = {
    "id": "i-1",
    "title": "accuracy is red",
    "state": "detected",
    "severity": {"scheme": "p0p3", "value": "P1"},
    "systems": ["support"],
    "system_count": 1,
    "epoch": 1,
    "fingerprint_count": 3,
    "acknowledged_by": None,
    "detected_at": "2026-11-21T09:30:00Z",
    "clocks": [{"name": "response", "due_at": "2026-11-21T10:30:00Z", "met_at": None}],
    "timeline": [{"at": "2026-11-21T09:30:00Z", "kind": "opened", "actor": "service:notifier", "text": "3 alerts"}],
    "changes": [
        {
            "at": "2026-11-21T09:00:00Z",
            "system": "support",
            "kind": "rollout.step",
            "subject": "rollout-1",
            "decision": "canary",
            "reason": "started",
            "actor": "user:ada",
        }
    ],
    "receipts": [
        {
            "channel": "pagerduty",
            "target": "on-call",
            "action": "trigger",
            "epoch": 1,
            "state": "delivered",
            "attempts": 1,
            "detail": "202",
        }
    ],
}
SILENCE = {
    "id": "s-1",
    "matchers": [{"name": "system", "operation": "=", "value": "support"}],
    "starts_at": "2026-11-21T09:30:00Z",
    "ends_at": "2026-11-21T11:30:00Z",
    "author": "user:ada",
    "comment": "move",
}


def answer(path: str, incident_state: str) -> dict[str, Any] | None:
    """To GET; None where there is nothing of this kind."""
    incident = {**INCIDENT, "state": incident_state}
    one = {"/v1/incidents/i-1": incident, "/v1/reviews/r-1": REVIEW}
    lists: dict[str, list[Any]] = {
        "/v1/autonomy": LEVELS,
        "/v1/reviews": [REVIEW],
        "/v1/incidents": [incident],
        "/v1/silences": [SILENCE],
    }
    return {"items": lists[path], "next": None} if path in lists else one.get(path)


def done(path: str) -> dict[str, Any]:
    """To POST."""
    if path.endswith("/signatures"):
        return {**PROMOTION, "holds": "yes", "signed_by": ["user:ada"]}
    if path == "/v1/autonomy/promote":
        return PROMOTION
    if path.startswith("/v1/autonomy"):
        return {"items": LEVELS}
    return REVIEW if path.startswith("/v1/reviews") else INCIDENT if "incidents" in path else SILENCE
