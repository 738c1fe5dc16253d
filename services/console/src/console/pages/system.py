"""One system: what was asked of it, what is left, what it may do alone, and what happened to it."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from console.adapters.reads import Reads
from console.adapters.services import OtherService
from console.api.acts import segment
from console.api.problems import ProblemError
from console.pages import system_view as view
from console.pages.access import People, Visitor, signed_in
from console.pages.burn_down import BurnDown, burn_down
from console.pages.knowledge import Known, Panel, every, one, picture
from console.pages.templating import Templates
from flyball.schemas.registry import ACCURACY, AVAILABILITY, PERFORMANCE, SAFETY

DIMENSIONS = (ACCURACY, SAFETY, PERFORMANCE, AVAILABILITY)
Viewer = Annotated[Visitor, signed_in("viewer")]
Name = Annotated[str | None, Query(max_length=63)]


@dataclass(frozen=True, slots=True)
class SystemPage:
    templates: Templates
    people: People
    reads: Reads
    neighbours: Mapping[str, OtherService]

    def router(self) -> APIRouter:
        router = APIRouter(include_in_schema=False)
        router.add_api_route("/systems/{system}", self.show, methods=["GET"])
        return router

    async def show(self, request: Request, visitor: Viewer, system: str, dimension: Name = None) -> Response:
        """One system. ``dimension`` is the budget that the chart shows; the worst where none is chosen."""
        ask = self.neighbours
        revisions, dimensions, levels, changes, incidents = await asyncio.gather(
            self.reads.revisions(system),
            self._dimensions(system),
            every(ask["autonomy-controller"], "/v1/levels", system=system),
            one(ask["rollback-executor"], "/v1/rollouts", system=system),
            every(ask["notifier"], "/v1/incidents"),
        )
        if not revisions and isinstance(dimensions, Known) and not dimensions.value:
            raise ProblemError(
                404, f"No system {system!r} is known", "Nothing of it was counted, and nobody declared it."
            )
        moved = picture(changes, lambda page: page["items"])
        chosen = _chosen(dimensions, dimension)
        values = {
            "system": system,
            "spec": revisions[-1].spec if revisions else None,
            "dimensions": dimensions,
            "chosen": chosen,
            "chart": await self._chart(system, chosen, moved.value if isinstance(moved, Known) else []),
            "levels": picture(levels, view.levels),
            "rollouts": picture(moved, view.rollouts),
            "incidents": picture(incidents, lambda items: view.incidents(items, system)),
            "now": self.people.now(),
        }
        return self.templates.page(request, "system.html", visitor, values)

    async def _dimensions(self, system: str) -> Panel[Sequence[view.Dimension]]:
        ledger, path = self.neighbours["budget-ledger"], f"/v1/budgets/{segment(system)}/explain"
        whole = await one(ledger, "/v1/budgets", system=system)
        if not isinstance(whole, Known) or not whole.value["items"]:
            return picture(whole, lambda _: ())
        item = whole.value["items"][0]
        names = [statement["dimension"] for statement in item["budgets"]]
        explained = await asyncio.gather(*(one(ledger, path, dimension=name) for name in names))
        for panel in explained:
            if not isinstance(panel, Known):
                return panel
        said: list[dict[str, Any]] = [panel.value for panel in explained if isinstance(panel, Known)]
        return picture(
            Known(said), lambda all_: [view.dimension(each, view.pace_of(item, each["dimension"])) for each in all_]
        )

    async def _chart(
        self, system: str, chosen: view.Dimension | None, changes: list[dict[str, Any]]
    ) -> Panel[BurnDown | None]:
        if chosen is None:
            return Known(None)
        ledger, path = self.neighbours["budget-ledger"], f"/v1/budgets/{segment(system)}"
        history, explained = await asyncio.gather(
            one(ledger, f"{path}/history", dimension=chosen.name), one(ledger, f"{path}/explain", dimension=chosen.name)
        )
        if not isinstance(explained, Known):
            return explained
        marked = view.markers(changes, chosen)
        return picture(history, lambda page: burn_down(page["points"], explained.value["statement"], marked))


def _chosen(dimensions: Panel[Sequence[view.Dimension]], name: str | None) -> view.Dimension | None:
    if not isinstance(dimensions, Known):
        return None
    named = [each for each in dimensions.value if each.name == name]
    return named[0] if named else view.worst_of(dimensions.value)
