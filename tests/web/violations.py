"""What axe finds wrong with a page as it is shown."""

from pathlib import Path

from playwright.async_api import Page

AXE = Path(__file__).parent / "vendor" / "axe-4.14.1.min.js"


async def violations(page: Page) -> dict[str, str]:
    """The element of the first finding of each rule that is broken."""
    # evaluate() runs beside the page's own scripts, so its content security policy stays as strict as it is.
    await page.evaluate(AXE.read_text())
    found = await page.evaluate("async () => (await axe.run()).violations")
    return {item["id"]: f"{item['nodes'][0]['target']}: {item['nodes'][0]['failureSummary']}"[:300] for item in found}
