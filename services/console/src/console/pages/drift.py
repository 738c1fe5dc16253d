"""Drift: features by time, and one feature with its two histograms and the test's evidence."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from console.adapters.drift import DriftReads
from console.api.problems import ProblemError
from console.pages.access import People, Visitor, signed_in
from console.pages.heat_map import SHAPES, SPANS, TONES, heat_map
from console.pages.histograms import histograms
from console.pages.templating import Templates

Viewer = Annotated[Visitor, signed_in("viewer")]


@dataclass(frozen=True, slots=True)
class DriftPages:
    """What drift-detector said on its topics is kept here, so these pages need no answer of it."""

    templates: Templates
    people: People
    reads: DriftReads

    def router(self) -> APIRouter:
        router = APIRouter(include_in_schema=False)
        router.add_api_route("/drift", self.map, methods=["GET"])
        router.add_api_route("/drift/{system}/{feature:path}", self.feature, methods=["GET"])
        return router

    async def map(
        self,
        request: Request,
        visitor: Viewer,
        system: Annotated[str, Query(max_length=63)] = "",
        span: Annotated[str, Query(max_length=3)] = "",
    ) -> Response:
        """All features, or those of one system."""
        now = self.people.now()
        marks = await self.reads.marks(system or None)
        values = {"map": heat_map(marks, span, now), "system": system, "spans": tuple(SPANS), "now": now}
        return self.templates.page(request, "drift.html", visitor, values)

    async def feature(self, request: Request, visitor: Viewer, system: str, feature: str) -> Response:
        """One feature's newest report, against the reference that it was compared with."""
        report = await self.reads.report(system, feature)
        if report is None:
            title = f"No drift report of {feature!r} of {system!r}"
            raise ProblemError(404, title, "drift-detector reports a feature when there is news of it.")
        reference = await self.reads.reference(system, report.reference_version)
        drawn = histograms(reference, feature, report.live) if reference and report.live and report.live.rows else None
        values = {
            "report": report,
            "reference": reference,
            "drawn": drawn,
            "tone": TONES[report.severity],
            "shape": SHAPES[report.severity],
            "now": self.people.now(),
        }
        return self.templates.page(request, "feature.html", visitor, values)
