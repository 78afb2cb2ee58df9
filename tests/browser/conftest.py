"""A real browser and a real server that serves the two-tastes model.

Without Chromium the tests are skipped, unless COLDSTART_REQUIRE_SERVICES=1. All tests share one browser and one server;
each test is a new visitor.
"""

import asyncio
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, sync_playwright

from app.services.container import open_services
from app.settings import Settings
from tests.integration.running import server


@dataclass
class Watched:
    """A page and the faults that were observed on it.

    Attributes:
        page: The page.
        faults: Errors of the console and the page, and addresses of requests to other hosts.
        expects_failures: Whether the browser may report failed requests, such as answers of 404.
    """

    page: Page
    faults: list[str] = field(default_factory=list)
    expects_failures: bool = False

    def require_accessible(self) -> None:
        """Fail if axe-core finds a serious or critical violation, in light or dark colours."""
        for scheme in ("light", "dark"):
            self.page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
            violations = Axe().run(self.page).response["violations"]
            serious = [
                (violation["id"], [node["html"] for node in violation["nodes"]])
                for violation in violations
                if violation["impact"] in {"serious", "critical"}
            ]
            assert not serious, (scheme, serious)


@pytest.fixture(scope="package")
def browser(address: str) -> Iterator[Browser]:  # noqa: ARG001 - the server has to start first
    """Chromium. It is closed after the last browser test: Playwright lets no event loop start in its thread."""
    path = shutil.which("chromium")
    if path is None:
        if os.environ.get("COLDSTART_REQUIRE_SERVICES") == "1":
            pytest.fail("Chromium is not installed")
        pytest.skip("Chromium is not installed")
    with sync_playwright() as playwright:
        # Containers run as root, and Chromium's sandbox does not work for root. Only the tested server is opened.
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="package")
def address(
    model_dir: Path, other_model_dir: Path, dataset_dir: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """The address of a server that serves the tiny model; a second model is registered."""
    settings = Settings(
        state_dir=tmp_path_factory.mktemp("state"), redis_url=None, model_dir=model_dir, data_dir=dataset_dir
    )
    asyncio.run(_register(other_model_dir, settings))
    with server(settings) as (_, address):
        yield address


async def _register(model: Path, settings: Settings) -> None:
    async with open_services(settings) as services:
        await services.model_versions.register(model)


@pytest.fixture
def api(address: str) -> Iterator[httpx.Client]:
    """A client of the API that the pages use."""
    with httpx.Client(base_url=address) as client:
        yield client


@contextmanager
def watching(browser: Browser, address: str) -> Iterator[Watched]:
    """The page of a new visitor; at the end, an error of the console or a request to another host is a failure."""
    context = browser.new_context(base_url=address, viewport={"width": 1280, "height": 900}, reduced_motion="reduce")
    context.set_default_timeout(15_000)
    watched = Watched(context.new_page())
    page = watched.page
    page.on("console", lambda message: message.type == "error" and watched.faults.append(message.text))
    page.on("pageerror", lambda error: watched.faults.append(str(error)))
    own = (address, f"blob:{address}")  # a script may start a worker from what is in memory
    page.on("request", lambda request: request.url.startswith(own) or watched.faults.append(request.url))
    yield watched
    context.close()  # after it, no fault is reported any more
    reported = "Failed to load resource"
    assert [fault for fault in watched.faults if not (watched.expects_failures and reported in fault)] == []


@pytest.fixture
def watched(browser: Browser, address: str) -> Iterator[Watched]:
    """The page of a new visitor."""
    with watching(browser, address) as watched:
        yield watched


@pytest.fixture
def page(watched: Watched) -> Page:
    return watched.page
