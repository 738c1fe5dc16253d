"""``python -m tests.web.screenshots``: every page of a seeded console, in both schemes, for the documentation."""

import asyncio
import sys
import tempfile
from pathlib import Path
from typing import Any

from playwright.async_api import Page

from tests.web.browser import Scheme, browser, signed_in
from tests.web.seed import seed
from tests.web.standing import Standing, standing

TARGET = Path(__file__).parents[2] / "services" / "console" / "docs"
SCHEMES: tuple[Scheme, Scheme] = ("light", "dark")
PNG_BYTES_MAX = 150_000
WIDTH, HEIGHT = 1280, 800
HEIGHTS_MAX = {"audit": 740, "reviews": 620}
"""Of tables that say the same further down; of any other page the first 1,080 pixels."""
PATHS = {
    "fleet": "/",
    "system": "/systems/claims-triage",
    "reviews": "/reviews",
    "drift": "/drift",
    "feature": "/drift/loan-scoring/amount_eur",
    "audit": "/audit?check=true",
}


async def take(console: Standing, folder: Path) -> None:
    """Write ``<page>-<scheme>.png`` files."""
    async with browser() as running:
        for scheme in SCHEMES:
            async with signed_in(running, console, "reviewer", scheme) as page:
                for name, path in PATHS.items():
                    await page.goto(path)
                    await _shoot(page, folder / f"{name}-{scheme}.png")
                await _reviews(page, folder, scheme)
                await page.goto("/audit?kind=budget.zone&text=red")
                await page.locator("tbody th a").first.click()
                await _shoot(page, folder / f"record-{scheme}.png")
                await page.get_by_role("button", name="Sign out").click()
                await _shoot(page, folder / f"sign-in-{scheme}.png")


async def take_empty(console: Standing, folder: Path) -> None:
    async with browser() as running:
        for scheme in SCHEMES:
            async with signed_in(running, console, "viewer", scheme) as page:
                await _shoot(page, folder / f"empty-{scheme}.png")


async def _reviews(page: Page, folder: Path, scheme: Scheme) -> None:
    """One where the reviewer judges first, and one where the proposal is shown."""
    await page.goto("/reviews")
    links: list[Any] = await page.locator("tbody th a").evaluate_all("links => links.map(link => link.pathname)")
    for name, text in (("judgment", "Your own judgment first"), ("review", "Your decision")):
        for link in links:
            await page.goto(link)
            if await page.get_by_role("heading", name=text).count():
                await _shoot(page, folder / f"{name}-{scheme}.png")
                break


async def _shoot(page: Page, path: Path) -> None:
    await page.wait_for_load_state("load")
    height = min(
        HEIGHTS_MAX.get(path.stem.rpartition("-")[0], 1_080),
        await page.evaluate("document.documentElement.scrollHeight"),
    )
    await page.set_viewport_size({"width": WIDTH, "height": height})
    await page.screenshot(path=path, animations="disabled")
    await page.set_viewport_size({"width": WIDTH, "height": HEIGHT})
    await asyncio.to_thread(_check_size, path)


def _check_size(path: Path) -> None:
    if path.stat().st_size > PNG_BYTES_MAX:
        sys.stderr.write(f"{path.name} has {path.stat().st_size} bytes, {PNG_BYTES_MAX} are wanted\n")


async def run(folder: Path, directory: Path) -> None:
    async with standing(directory) as console:
        await take_empty(console, folder)
        await seed(console)
        await take(console, folder)


def main(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="flyball-screenshots-") as directory:
        # Postgres runs as another user where this runs as root, and must reach its folder.
        Path(directory).chmod(0o755)
        asyncio.run(run(folder, Path(directory)))


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else TARGET)
