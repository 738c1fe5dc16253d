"""Every page in a real browser: without a flaw that axe knows, small, alone, and readable without scripts."""

from typing import Any

import pytest
from playwright.async_api import Browser, Page, Response

from tests.web.browser import Scheme, signed_in
from tests.web.screenshots import PATHS
from tests.web.standing import Standing
from tests.web.violations import violations

pytestmark = [pytest.mark.stack, pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(600)]
PAGE_BYTES_MAX = 250_000
DECODED_BYTES = """[...performance.getEntriesByType("navigation"), ...performance.getEntriesByType("resource")]
  .reduce((sum, entry) => sum + entry.decodedBodySize, 0)"""


async def reviews_of(page: Page) -> list[str]:
    await page.goto("/reviews")
    found: list[str] = await page.locator("tbody th a").evaluate_all("links => links.map(link => link.pathname)")
    return found


async def record_of(page: Page) -> str:
    await page.goto("/audit")
    return str(await page.locator("tbody th a").first.get_attribute("href"))


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_no_page_has_a_flaw_that_axe_finds(console: Standing, chromium: Browser, scheme: Scheme) -> None:
    async with signed_in(chromium, console, "reviewer", scheme) as page:
        others = [*(await reviews_of(page))[:4], await record_of(page), "/systems/nobody", "/systems/support-agent"]
        found = {}
        for path in (*PATHS.values(), *others):
            await page.goto(path)
            found |= {(path, rule): where for rule, where in (await violations(page)).items()}
        await page.get_by_role("button", name="Sign out").click()
        found |= {("/sign-in", rule): where for rule, where in (await violations(page)).items()}
    assert found == {}


async def test_every_page_is_small_and_asks_nobody_else(console: Standing, chromium: Browser) -> None:
    async with signed_in(chromium, console) as page:
        seen: list[Response] = []

        def note(answer: Response) -> None:
            seen.append(answer)

        problems: list[str] = []
        page.on("response", note)
        page.on("console", lambda message: problems.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: problems.append(str(error)))
        sizes = {}
        for path in PATHS.values():
            seen.clear()
            await page.goto(path)
            sizes[path] = await page.evaluate(DECODED_BYTES)
            assert all(answer.url.startswith(console.url) for answer in seen), path
    assert problems == []
    assert 50_000 < max(sizes.values()) < PAGE_BYTES_MAX, sizes


async def test_without_scripts_everything_is_there(console: Standing, chromium: Browser) -> None:
    async with signed_in(chromium, console, "reviewer", scripts=False) as page:
        assert await page.get_by_role("row").count() > 5
        await page.get_by_role("link", name="claims-triage").click()
        assert await page.locator("svg.plot").is_visible()
        await page.get_by_role("link", name="Drift").click()
        await page.get_by_role("link", name="amount_eur").click()
        assert await page.locator("svg.plot").count() == 2
        await page.get_by_role("link", name="Reviews").click()
        question = page.locator("tbody th a").first
        await question.click()
        await page.locator("input[value=reject]").check()
        if await page.locator("input[name=confidence]").count():
            await page.locator("input[name=confidence][value='4']").check()
            await page.locator("main button[type=submit]").first.click()
            await page.locator("input[value=reject]").check()
        await page.get_by_label("Reason").fill("the amount does not match the claim")
        await page.get_by_role("button", name="Decide").click()
        assert await page.get_by_text("Refused.").is_visible()


async def test_the_drawing_gives_way_to_one_that_can_be_read_off(console: Standing, chromium: Browser) -> None:
    async with signed_in(chromium, console, "viewer") as page:
        await page.goto("/systems/claims-triage")
        await page.locator(".uplot canvas").wait_for()
        assert not await page.locator("svg.plot").is_visible()


async def test_a_page_shows_news_by_itself(console: Standing, chromium: Browser) -> None:
    async with signed_in(chromium, console, "viewer") as page, console.api("admin") as admin:
        await page.goto("/")
        await page.wait_for_function("performance.getEntriesByType('resource').some(e => e.name.includes('/static/'))")
        assert not await page.get_by_role("link", name="brand-new").count()
        (await admin.put("/v1/systems/brand-new", json={"system": "brand-new"})).raise_for_status()
        await page.get_by_role("link", name="brand-new").wait_for(timeout=15_000)


async def test_a_decision_takes_six_keys_at_most(console: Standing, chromium: Browser) -> None:
    async with signed_in(chromium, console, "reviewer") as page:
        before = len(await reviews_of(page))
        keys = await _approve_by_keyboard(page)
        assert len(keys) <= 6, keys
        assert await page.get_by_text("Approved.").is_visible()
        assert len(await reviews_of(page)) == before - 1


async def _approve_by_keyboard(page: Page) -> list[str]:
    await _press(page, "Enter")
    judges_first = await page.locator("input[name=confidence]").count()
    if judges_first:
        await _press(page, "a", "4", "Enter")
    await _press(page, "a", "Enter")
    return ["Enter", *(("a", "4", "Enter") if judges_first else ()), "a", "Enter"]


async def test_an_audit_is_judged_before_it_is_shown(console: Standing, chromium: Browser) -> None:
    """By keyboard, step by step; each step without a flaw in both schemes."""
    async with signed_in(chromium, console, "reviewer") as page, console.api("reviewer") as api:
        audit = await _audit_of(api)
        path, proposal = f"/reviews/{audit['review_id']}", "allow at L2, confidence 0.88"
        await page.goto("/reviews")
        await page.get_by_role("row", name="Was it right").get_by_role("link").press("Enter")
        await page.wait_for_url(path)
        assert await _flaws(page) == {}
        assert proposal not in await page.content()
        refused = await page.request.post(f"{path}/verdict", form={**await _csrf(page), "resolution": "approve"})
        assert (refused.status, proposal in await refused.text()) == (409, False)
        assert "store your own judgment and confidence first" in await refused.text()

        await _press(page, "r", "2", "Enter")
        assert await page.get_by_text(proposal).is_visible()
        assert await _flaws(page) == {}
        again = await page.request.post(
            f"{path}/judgment", form={**await _csrf(page), "judgment": "approve", "confidence": "5"}
        )
        assert (again.status, "has judged it" in await again.text()) == (409, True)
        async with signed_in(chromium, console, "admin") as other:
            await other.goto(path)
            assert proposal not in await other.content(), "one reviewer's judgment shows it to no other"

        await _press(page, "a", "Enter")
        assert await page.get_by_text("Stored: it was right.").is_visible()
        await page.goto(path)
        assert await page.get_by_text("Found right by").is_visible()
        assert await _flaws(page) == {}


async def _audit_of(api: Any) -> dict[str, Any]:
    items: list[dict[str, Any]] = (await api.get("/v1/reviews")).json()["items"]
    return next(item for item in items if item["kind"] == "audit")


async def _csrf(page: Page) -> dict[str, str]:
    return {"csrf": await page.locator("main input[name=csrf]").first.input_value()}


async def _flaws(page: Page) -> dict[tuple[Scheme, str], Any]:
    found: dict[tuple[Scheme, str], Any] = {}
    schemes: tuple[Scheme, Scheme] = ("dark", "light")
    for scheme in schemes:
        await page.emulate_media(color_scheme=scheme)
        found |= {(scheme, rule): where for rule, where in (await violations(page)).items()}
    return found


async def _press(page: Page, *keys: str) -> None:
    """The last of them sends the form."""
    *before, last = keys
    for key in before:
        await page.keyboard.press(key)
    async with page.expect_navigation():
        await page.keyboard.press(last)


async def test_what_a_service_does_not_answer_is_unknown_and_breaks_nothing(chromium: Browser, tmp_path: Any) -> None:
    """Addresses where nobody listens: no figure is made up."""
    from tests.web.standing import standing

    for part in (tmp_path, *tmp_path.parents[:3]):
        part.chmod(0o755)
    nowhere = "http://127.0.0.1:9"
    names = ("TELEMETRY_INGEST", "BUDGET_LEDGER", "AUTONOMY_CONTROLLER", "NOTIFIER", "ROLLBACK_EXECUTOR", "AUDIT_LOG")
    async with standing(tmp_path, only=("console",), **{f"FLYBALL_{name}_URL": nowhere for name in names}) as console:
        async with console.api("admin") as admin:
            (await admin.put("/v1/systems/alone", json={"system": "alone"})).raise_for_status()
        async with signed_in(chromium, console, "viewer") as page:
            for path in ("/", "/systems/alone", "/reviews", "/audit"):
                answer = await page.goto(path)
                assert answer is not None
                assert answer.status == 200
                assert await page.get_by_text("Unknown since").count() >= 1, path
                assert await violations(page) == {}
            await page.goto("/")
            row = page.get_by_role("row", name="alone")
            assert "unknown" in (await row.inner_text())
            assert "0" not in (await row.inner_text())
