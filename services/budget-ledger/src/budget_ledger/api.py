"""Questions about this service's own state."""

from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from budget_ledger.adapters.reading import (
    last_recorded_at,
    read_budgets,
    read_entries,
    read_hours,
    read_minutes,
    read_revisions,
    read_totals,
)
from budget_ledger.domain.audit import KIND, decide_again
from budget_ledger.domain.budget import Budget
from budget_ledger.domain.entries import Entry
from budget_ledger.domain.explain import burn_rate, formula
from budget_ledger.domain.pace import Pace, Spent, pace, thinned
from budget_ledger.domain.policy import Policy, policies_at
from budget_ledger.domain.statements import statement, states
from flyball.observe.decisions import decided_again
from flyball.observe.http import problem, with_token
from flyball.schemas.base import DEFAULT_TENANT
from flyball.store.postgres import PostgresDatabase

SYSTEMS_MAX = 100
ENTRIES_MAX = 200
INPUTS_BYTES_MAX = 1_048_576
"""Of a recorded decision: a record of the topic has no more."""
HISTORY_POINTS_MAX = 240
MINUTES_UP_TO = timedelta(hours=12)
"""So long a history is told by the minute, a longer one by the hour."""
MINUTE_ENTRIES_MAX = 20_000


class BudgetQuestions:
    """Answers from the ledger's own tables."""

    def __init__(self, database: PostgresDatabase) -> None:
        self._database = database

    async def budgets(self, request: Request) -> Response:
        query = request.query_params
        tenant = query.get("tenant", DEFAULT_TENANT)
        found = await read_budgets(self._database, tenant, query.get("system"), query.get("after", ""), SYSTEMS_MAX)
        items = [await self._states(tenant, system, budgets) for system, budgets in found.items()]
        return JSONResponse({"items": items, "next": items[-1]["system"] if len(items) == SYSTEMS_MAX else None})

    async def explain(self, request: Request) -> Response:
        tenant = request.query_params.get("tenant", DEFAULT_TENANT)
        system, dimension = request.path_params["system"], request.query_params.get("dimension", "")
        found = await read_budgets(self._database, tenant, system, "", 1)
        budget = found.get(system, {}).get(dimension)
        if budget is None:
            known = ", ".join(sorted(found.get(system, {}))) or "none: nothing was counted for this system yet"
            return problem(404, "Not found", f"{system} has no budget {dimension!r}; it has: {known}")
        return JSONResponse(await self._explanation(tenant, system, budget))

    async def history(self, request: Request) -> Response:
        """What the window granted and burned, in the order in which it happened; the sums are those of the window."""
        tenant = request.query_params.get("tenant", DEFAULT_TENANT)
        system, dimension = request.path_params["system"], request.query_params.get("dimension", "")
        hours = (await read_hours(self._database, tenant, system)).get(dimension, {})
        spans = [Spent(hour, sums.granted, sums.burned) for hour, sums in hours.items()]
        if hours and max(hours) - min(hours) < MINUTES_UP_TO:
            spans = await read_minutes(self._database, tenant, system, dimension, MINUTE_ENTRIES_MAX)
        points = [{**asdict(span), "at": span.at.isoformat()} for span in thinned(spans, HISTORY_POINTS_MAX)]
        return JSONResponse({"system": system, "dimension": dimension, "points": points})

    async def _states(self, tenant: str, system: str, budgets: dict[str, Budget]) -> dict[str, Any]:
        as_of = await last_recorded_at(self._database, tenant, system)
        if as_of is None:
            return {"tenant": tenant, "system": system, "as_of": None, "worst": "no_data", "budgets": []}
        policies = policies_at(tenant, system, await read_revisions(self._database, tenant, system), as_of)
        said = states(tenant, system, budgets, policies, "question", as_of).model_dump(mode="json")
        hours = await read_hours(self._database, tenant, system)
        paces = {
            name: pace_fields(pace(budget, policies[name], hours.get(name, {}), as_of))
            for name, budget in budgets.items()
        }
        return {**said, "pace": paces}

    async def _policy(self, tenant: str, system: str, dimension: str) -> Policy:
        as_of = await last_recorded_at(self._database, tenant, system)
        revisions = await read_revisions(self._database, tenant, system) if as_of else ()
        return policies_at(tenant, system, revisions, as_of or datetime.min.replace(tzinfo=UTC))[dimension]

    async def _explanation(self, tenant: str, system: str, budget: Budget) -> dict[str, Any]:
        dimension = budget.id.dimension
        policy = await self._policy(tenant, system, dimension)
        entries = await read_entries(self._database, tenant, system, dimension, before=None, rows_max=ENTRIES_MAX)
        return {
            "tenant": tenant,
            "system": system,
            "dimension": dimension,
            "statement": statement(budget, policy).model_dump(mode="json"),
            "formula": formula(budget, policy),
            "burn_rate": burn_rate(budget, policy),
            "policy": _policy_fields(policy),
            "totals": list(await read_totals(self._database, tenant, system, dimension)),
            "entries": [entry_fields(entry) for entry in entries],
        }


def routes(database: PostgresDatabase, token: str) -> list[Route]:
    questions = BudgetQuestions(database)
    again = decided_again(KIND, decide_again, INPUTS_BYTES_MAX)
    return [
        Route("/v1/budgets", with_token(token, questions.budgets)),
        Route("/v1/budgets/{system}/explain", with_token(token, questions.explain)),
        Route("/v1/budgets/{system}/history", with_token(token, questions.history)),
        Route("/v1/decide-again", with_token(token, again), methods=["POST"]),
    ]


def pace_fields(shown: Pace) -> dict[str, Any]:
    exhausted_at = shown.exhausted_at.isoformat() if shown.exhausted_at else None
    return {**asdict(shown), "exhausted_at": exhausted_at}


def entry_fields(entry: Entry) -> dict[str, Any]:
    posting, circumstances = entry.posting, entry.circumstances
    return {
        "sequence": entry.sequence,
        "kind": posting.kind,
        "debit": posting.debit,
        "credit": posting.credit,
        "amount": posting.amount,
        "events": posting.events,
        "sampling_ppm": posting.sampling_ppm,
        "evaluator": posting.evaluator,
        "cause": circumstances.cause,
        "release": circumstances.release,
        "effective_at": circumstances.effective_at.isoformat(),
        "recorded_at": circumstances.recorded_at.isoformat(),
        "policy_version": circumstances.policy_version,
        "hash": entry.hash,
    }


def _policy_fields(policy: Policy) -> dict[str, Any]:
    return {
        "version": policy.version,
        "target_ppm": policy.target_ppm,
        "weight_milli": policy.weight_milli,
        "window_days": policy.window.days,
        "zones": list(policy.thresholds.zones),
        "events_min": policy.events_min,
        "metric": policy.metric or None,
        "latency_max_us": policy.latency_max_us or None,
        "minute_target_ppm": policy.minute_target_ppm or None,
    }
