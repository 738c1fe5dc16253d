"""What console would answer about rollouts and the gate."""

from typing import Any

COMPARISON = {
    "metric": "errors",
    "required": True,
    "harm_log_e_value": 7.319,
    "harm_log_threshold": 5.704,
    "non_inferiority_log_e_value": -4.2,
    "non_inferiority_log_threshold": 2.996,
    "candidate_bad": 31,
    "candidate_count": 400,
    "baseline_bad": 40,
    "baseline_count": 7_600,
    "blocks": 12,
}
NOW = {
    "rollout_id": "o-1",
    "system": "support",
    "environment": "production",
    "baseline": "1.4.0",
    "candidate": "1.5.0",
    "restores": "1.4.0",
    "step": "canary",
    "share_basis_points": 500,
    "epoch": 2,
    "hold": None,
    "advice": [],
}
CHANGE = {
    **NOW,
    "reason": "harm in errors: log e-value 7.32 at 5.70",
    "actor": "service:rollback-executor",
    "changed_at": "2026-11-21T09:40:00Z",
    "comparisons": [COMPARISON],
}
EFFECT = {"epoch": 2, "step": "canary:500", "attempts": 1, "outcome": None, "detail": ""}
ROLLOUT = {**NOW, "hold": {"reason": "no telemetry"}, "changes": [CHANGE], "effects": [EFFECT]}


def answer(path: str) -> dict[str, Any] | None:
    """To GET; None where there is nothing of this kind."""
    found = {"/v1/rollouts": {"items": [CHANGE], "next": 7}, "/v1/rollouts/o-1": ROLLOUT}
    return found.get(path)


def done(path: str, body: dict[str, Any]) -> dict[str, Any] | None:
    """To POST."""
    if path == "/v1/gates/deploy":
        reasons = ["the accuracy budget is in red"] if body["release"] == "1.6.0" else []
        return {**body, "open": not reasons, "reasons": reasons, "advice": ["the cost budget has too little data"]}
    return NOW if path.startswith(("/v1/rollouts", "/v1/rollbacks")) else None
