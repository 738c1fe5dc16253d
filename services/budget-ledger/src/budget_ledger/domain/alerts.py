"""What somebody must know of a budget: that it is in a worse zone than its best one, and that this is over."""

from budget_ledger.domain.budget import Budget
from budget_ledger.domain.policy import Policy
from flyball.schemas.alerts import FIRING, RESOLVED, Alert

RULE = "budget.zone"
SEVERITIES = {1: 2, 2: 1}
"""By rank of the zone: the worst wants an answer within the hour, the middle one within four."""


def zone_alert(before: Budget, after: Budget, policy: Policy, owner: str) -> Alert | None:
    """The alert of one zone change: one for each state, and its end when the budget is in no worse zone any more.

    No data, or too little, ends it too: nothing bad is known then, and ``budget.states.v1`` says that nothing is.
    """
    zones = policy.thresholds.zones
    was, now = _rank(before.zone, zones), _rank(after.zone, zones)
    # A budget that changes its zone has the time of the change; one that was in a worse zone had one before.
    if after.zone_since is None or not (was or now):
        return None
    firing = now > 0
    since = after.zone_since if firing or before.zone_since is None else before.zone_since
    left = "nothing scored" if after.remaining_ppm is None else f"{after.remaining_ppm / 10_000:.1f} % left"
    return Alert(
        tenant=after.id.tenant,
        system=after.id.system,
        rule=RULE,
        fingerprint=f"{RULE}/{after.id.system}/{after.id.dimension}",
        severity=SEVERITIES[now or was],
        status=FIRING if firing else RESOLVED,
        summary=f"{after.id.dimension} budget of {after.id.system} is {after.zone.replace('_', ' ')}: {left}",
        observed=f"{left} of the budget, {after.window.bad} bad of {after.window.events}",
        threshold=f"{_percent(now or was, policy)} %",
        window=f"{policy.window.days} d",
        sample_size=after.window.events,
        owner=owner,
        runbook=None,
        labels={"dimension": after.id.dimension, "zone": after.zone, "entry": str(after.chain.sequence)},
        started_at=since,
        ended_at=None if firing else after.zone_since,
    )


def _rank(zone: str, zones: tuple[str, str, str]) -> int:
    """0 for the best zone, and for having none."""
    return zones.index(zone) if zone in zones else 0


def _percent(rank: int, policy: Policy) -> int:
    return policy.thresholds.good_percent if rank == 1 else policy.thresholds.poor_percent
