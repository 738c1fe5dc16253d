"""How soon each page of the console is there, in a browser that has seen none of it."""

import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from playwright.async_api import Browser

from tests.bench.figures import spread, table
from tests.web.browser import browser, signed_in
from tests.web.screenshots import PATHS
from tests.web.seed import seed
from tests.web.standing import Standing, standing

GOALS = {"/": "first page < 1 s"}


async def measure(repeats: int) -> str:
    """The figures as Markdown."""
    with TemporaryDirectory() as folder:
        async with standing(_readable(folder)) as console, browser() as running:
            await seed(console)
            async with signed_in(running, console) as page:
                cookies = await page.context.cookies()
            took = {
                path: [await _milliseconds(running, console, cookies, path) for _ in range(repeats)]
                for path in PATHS.values()
            }
    rows = [[path, spread(times, ",.0f"), GOALS.get(path, "-")] for path, times in took.items()]
    return table(["page", "loaded after, ms", "goal"], rows)


def _readable(folder: str) -> Path:
    """Postgres runs as another user where the bench runs as root, and must reach its data."""
    path = Path(folder)
    path.chmod(0o755)
    return path


async def _milliseconds(running: Browser, console: Standing, cookies: Any, path: str) -> float:
    """Until the page's load event; each time in a context of its own, so that nothing is in a cache."""
    context = await running.new_context(base_url=console.url)
    await context.add_cookies(cookies)
    page = await context.new_page()
    started = time.perf_counter()
    await page.goto(path)
    took = time.perf_counter() - started
    await context.close()
    return took * 1_000
