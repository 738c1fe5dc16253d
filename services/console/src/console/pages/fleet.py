"""The first page: every system, worst first."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Request
from starlette.responses import Response

from console.adapters.reads import Reads
from console.adapters.services import OtherService
from console.pages.access import People, Visitor, signed_in
from console.pages.fleet_view import fleet
from console.pages.knowledge import Known, Unknown, every, picture
from console.pages.templating import Templates

SYSTEMS_MAX = 500
Viewer = Annotated[Visitor, signed_in("viewer")]


@dataclass(frozen=True, slots=True)
class FleetPage:
    templates: Templates
    people: People
    reads: Reads
    neighbours: Mapping[str, OtherService]

    def router(self) -> APIRouter:
        router = APIRouter(include_in_schema=False)
        router.add_api_route("/", self.show, methods=["GET"])
        return router

    async def show(self, request: Request, visitor: Viewer) -> Response:
        """All systems, what is left of their budgets, and how far to trust the figures."""
        ask = self.neighbours
        budgets, totals, levels, incidents, reviews = await asyncio.gather(
            every(ask["budget-ledger"], "/v1/budgets"),
            every(ask["telemetry-ingest"], "/v1/totals"),
            every(ask["autonomy-controller"], "/v1/levels"),
            every(ask["notifier"], "/v1/incidents"),
            every(ask["autonomy-controller"], "/v1/reviews", reviewer=visitor.caller.actor),
        )
        declared = [revision.spec.system for revision in await self.reads.systems("", SYSTEMS_MAX)]
        panels = (budgets, totals, levels, incidents)
        shown = picture(Known(None), lambda _: fleet(declared, *panels))
        values = {
            "fleet": shown,
            "unknown": [panel for panel in (*panels, reviews) if isinstance(panel, Unknown)],
            "cut_short": any(isinstance(panel, Known) and panel.more for panel in panels),
            "incidents": incidents,
            "reviews": reviews,
            "now": self.people.now(),
            "empty": isinstance(shown, Known) and not shown.value.rows,
            "base_url": str(request.base_url).rstrip("/"),
        }
        return self.templates.page(request, "fleet.html", visitor, values)
