"""All pages together."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from fastapi import APIRouter, FastAPI

from console.adapters.drift import DriftReads
from console.adapters.passwords import Passwords
from console.adapters.reads import Reads
from console.adapters.services import OtherService
from console.api.audit import AuditRoutes
from console.pages import failures
from console.pages.access import People
from console.pages.assets import Assets
from console.pages.attempts import Attempts
from console.pages.audit import AuditPages
from console.pages.changes import ChangesRoute
from console.pages.drift import DriftPages
from console.pages.fleet import FleetPage
from console.pages.reviews import ReviewPages
from console.pages.security import SecurityHeaders
from console.pages.signing_in import SigningIn
from console.pages.system import SystemPage
from console.pages.templating import Templates


@dataclass(frozen=True, slots=True)
class Site:
    """The pages' routers, and what they need of the application that serves them."""

    people: People
    assets: Assets
    templates: Templates

    def routers(
        self, reads: Reads, neighbours: Mapping[str, OtherService], changes: ChangesRoute
    ) -> Sequence[APIRouter]:
        templates, people = self.templates, self.people
        audit = neighbours["audit-log"]
        return (
            self.assets.router(),
            SigningIn(templates, people, Passwords(), Attempts()).router(),
            FleetPage(templates, people, reads, neighbours).router(),
            SystemPage(templates, people, reads, neighbours).router(),
            ReviewPages(templates, people, neighbours["autonomy-controller"]).router(),
            DriftPages(templates, people, DriftReads(reads.database)).router(),
            AuditPages(templates, people, audit, AuditRoutes(audit, neighbours)).router(),
            changes.router(),
        )

    def install(self, application: FastAPI) -> None:
        """Sessions, error pages and headers; after the routers were added."""
        application.state.people = self.people
        failures.install(application, self.templates)
        application.add_middleware(SecurityHeaders, tls=self.people.cookies_secure)


def site(people: People) -> Site:
    assets = Assets()
    return Site(people, assets, Templates(assets))
