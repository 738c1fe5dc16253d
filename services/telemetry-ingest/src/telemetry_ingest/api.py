"""Questions about this service's own state."""

from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from flyball.observe.http import with_token
from flyball.schemas.base import DEFAULT_TENANT
from flyball.store.postgres import PostgresDatabase
from telemetry_ingest.adapters.postgres import read_totals
from telemetry_ingest.adapters.traces import read_otlp_totals

PAGE_ROWS_MAX = 500


def routes(database: PostgresDatabase, token: str) -> list[Route]:
    async def totals(request: Request) -> Response:
        query = request.query_params
        rows = await read_totals(
            database, query.get("tenant", DEFAULT_TENANT), query.get("system"), query.get("after", ""), PAGE_ROWS_MAX
        )
        items = [_item(dict(row)) for row in rows]
        after = items[-1]["system"] if len(items) == PAGE_ROWS_MAX else None
        return JSONResponse({"items": items, "next": after})

    async def otlp(_: Request) -> Response:
        return JSONResponse({"items": list(await read_otlp_totals(database))})

    return [Route("/v1/totals", with_token(token, totals)), Route("/v1/otlp", with_token(token, otlp))]


def _item(row: dict[str, Any]) -> dict[str, Any]:
    published = sum(row[name] for name in ("counted", "duplicates", "rejected"))
    times = {name: row[name].isoformat() for name in ("first_seen_at", "last_seen_at")}
    return {"published": published, **row, **times}
