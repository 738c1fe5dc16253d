"""Jinja with everything escaped and nothing undefined, and the words of the pages as filters."""

from collections.abc import Mapping
from typing import Any

from fastapi import Request
from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.responses import HTMLResponse

from console.pages import words
from console.pages.access import Visitor
from console.pages.assets import Assets
from console.pages.knowledge import Known, Unknown


def environment(assets: Assets) -> Environment:
    """The templates of this package, read once."""
    made = Environment(
        loader=PackageLoader("console"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
        cache_size=100,
    )
    made.filters |= {name: getattr(words, name) for name in words.FILTERS}
    made.globals |= {"asset": assets.url, "zone_of": words.zone_of}
    made.tests |= {"known": lambda panel: isinstance(panel, Known), "unknown": lambda panel: isinstance(panel, Unknown)}
    return made


class Templates:
    """Renders a page for somebody."""

    def __init__(self, assets: Assets) -> None:
        self._environment = environment(assets)

    def page(
        self, request: Request, name: str, visitor: Visitor | None, values: Mapping[str, Any], status: int = 200
    ) -> HTMLResponse:
        text = self._environment.get_template(name).render(path=request.url.path, visitor=visitor, **values)
        return HTMLResponse(text, status)
