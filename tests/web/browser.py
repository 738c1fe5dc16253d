"""Debian's Chromium, headless, signed in."""

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Literal

from playwright.async_api import Browser, BrowserContext, Page, async_playwright

from tests.web.standing import PASSWORD, PEOPLE, Standing

Scheme = Literal["light", "dark"]
SIZE: Any = {"width": 1280, "height": 860}


def chromium() -> str | None:
    return shutil.which("chromium")


@asynccontextmanager
async def browser() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        running = await playwright.chromium.launch(executable_path=chromium(), args=["--no-sandbox"])
        try:
            yield running
        finally:
            await running.close()


@asynccontextmanager
async def signed_in(
    running: Browser, console: Standing, role: str = "reviewer", scheme: Scheme = "light", *, scripts: bool = True
) -> AsyncIterator[Page]:
    """A page of somebody with this role. ``scripts`` False: a browser that runs none."""
    context = await running.new_context(
        base_url=console.url, color_scheme=scheme, java_script_enabled=scripts, viewport=SIZE, bypass_csp=False
    )
    try:
        yield await _sign_in(context, role)
    finally:
        await context.close()


async def _sign_in(context: BrowserContext, role: str) -> Page:
    page = await context.new_page()
    await page.goto("/sign-in")
    await page.get_by_label("Name", exact=True).fill(PEOPLE[role])
    await page.get_by_label("Password").fill(PASSWORD)
    async with page.expect_navigation():
        await page.get_by_role("button", name="Sign in", exact=True).click()
    assert await page.get_by_role("button", name="Sign out").count(), await page.inner_text("body")
    return page
