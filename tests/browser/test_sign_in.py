"""The pages of a server that requires keys."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from app.settings import Settings
from tests.browser.conftest import Watched
from tests.integration.running import ROOT, environment, server


@pytest.fixture(scope="module")
def guarded(model_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    """The address of a server that requires keys, and a key of scope `write`."""
    settings = Settings(
        state_dir=tmp_path_factory.mktemp("guarded"), redis_url=None, model_dir=model_dir, allow_anonymous=False
    )
    # In another process, because no event loop can start in this thread while Playwright runs.
    command = [sys.executable, "-m", "app.cli", "key", "create", "visitor", "--scope", "write"]
    created = subprocess.run(command, cwd=ROOT, env=environment(settings), capture_output=True, text=True, check=True)
    with server(settings) as (_, address):
        yield address, created.stdout.strip()


@pytest.fixture
def page(guarded: tuple[str, str], browser: Browser) -> Iterator[Page]:
    """The page of a new visitor. Errors of the console are allowed, because refused requests are among them."""
    context = browser.new_context(base_url=guarded[0], reduced_motion="reduce")
    context.set_default_timeout(15_000)
    yield context.new_page()
    context.close()


def test_sign_in_with_a_valid_key_returns_to_the_page(page: Page, guarded: tuple[str, str]) -> None:
    page.goto("/models")
    page.wait_for_url("**/sign-in?next=%2Fmodels")
    Watched(page).require_accessible()

    page.get_by_label("API key").fill("coldstart_wrong")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert")).to_have_text("There is no such API key, or it was revoked.")

    page.get_by_label("API key").fill(guarded[1])
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url("**/models")
    expect(page.get_by_text("serving", exact=True)).to_be_visible()
    assert page.evaluate("document.cookie") == ""


def test_onboarding_after_signing_in_stores_ratings_until_signing_out(page: Page, guarded: tuple[str, str]) -> None:
    page.goto("/sign-in")
    page.get_by_label("API key").fill(guarded[1])
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(guarded[0] + "/")
    page.locator(".tile button").first.press("5")
    expect(page.locator(".rated h3")).to_have_text("You rated 1")
    expect(page.get_by_text("from 1 rating")).to_be_visible()

    page.goto("/sign-in")
    page.get_by_role("button", name="Sign out").click()
    page.wait_for_url("**/sign-in?next=%2F")
