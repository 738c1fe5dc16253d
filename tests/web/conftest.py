"""One seeded console and one browser for all tests of the pages."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser

from tests.web import browser as browsers
from tests.web.seed import seed
from tests.web.standing import Standing, standing


@pytest.fixture(scope="session")
def readable_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Postgres runs as another user where tests run as root, and must reach its data."""
    folder = tmp_path_factory.mktemp("web")
    for part in (folder, *folder.parents[:3]):
        part.chmod(0o755)
    return folder


@pytest_asyncio.fixture(scope="package", loop_scope="session")
async def console(readable_folder: Path) -> AsyncIterator[Standing]:
    """All services on the embedded stack, with a believable day behind them.

    They live in the tests' own loop, which stands still while tests with another one run: so not for the session.
    """
    async with standing(readable_folder) as running:
        await seed(running)
        yield running


@pytest_asyncio.fixture(scope="package", loop_scope="session")
async def chromium() -> AsyncIterator[Browser]:
    if browsers.chromium() is None:
        pytest.skip("chromium is absent: `make tools` as root installs it from Debian")
    async with browsers.browser() as running:
        yield running
