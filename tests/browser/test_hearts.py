"""The onboarding page of a model without ratings, on the purchases: films with odd numbers are comedies."""

import re
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect

from app.settings import Settings
from tests.browser.conftest import Watched, watching
from tests.browser.failing import Fails, answer_lost, watching_failures
from tests.browser.test_onboarding import open_page, recommended, tiles, title_number
from tests.integration.running import server


@pytest.fixture(scope="module")
def shop(implicit_model_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a server whose model was trained on purchases."""
    settings = Settings(state_dir=tmp_path_factory.mktemp("shop"), redis_url=None, model_dir=implicit_model_dir)
    with server(settings) as (_, address):
        yield address


@pytest.fixture
def watched(browser: Browser, shop: str) -> Iterator[Watched]:
    with watching(browser, shop) as watched:
        yield watched


def test_hearts_and_dislikes_make_a_list_that_a_reload_keeps(watched: Watched) -> None:
    page = watched.page
    open_page(page)
    expect(page.locator(".order")).to_have_text("What many people choose, of different kinds.")
    watched.require_accessible()

    for count in range(1, 5):
        tile = tiles(page).nth(count)
        comedy = title_number(tile.inner_text()) % 2 == 1
        tile.get_by_role("button", name="I like it" if comedy else "Not for me").click()
        expect(page.locator(".count")).to_have_text(re.compile(rf"from {count} answer"))

    assert sum(film % 2 for film in recommended(page)) >= 8
    expect(page.locator(".predicted")).to_have_count(0)
    assert page.locator(".because").all_inner_texts()
    watched.require_accessible()
    page.reload()
    expect(page.locator(".count")).to_have_text("from 4 answers")
    expect(page.locator(".rated li")).to_have_count(4)


def test_keys_like_dislike_and_skip(page: Page) -> None:
    open_page(page)
    tiles(page).first.get_by_role("button", name="I like it").focus()
    for key, shown in (("l", "from 1 answer"), ("d", "from 2 answers"), ("s", "from 2 answers, 1 not known")):
        page.keyboard.press(key)
        expect(page.locator(".count")).to_have_text(shown)
    assert page.locator(".rated b").all_inner_texts() == ["✕", "♥"]


def test_another_answer_about_an_item_replaces_the_first_and_can_be_taken_back(watched: Watched) -> None:
    watched.expects_failures = True  # the reload may delete the first answer once more
    page = watched.page
    open_page(page)
    page.get_by_label("Find something you know").fill("film 37")
    found = page.locator(".found li")
    found.get_by_role("button", name="I like it").click()
    expect(page.locator(".rated b")).to_have_text("♥")
    found.get_by_role("button", name="Not for me").click()
    expect(page.locator(".rated b")).to_have_text("✕")
    page.keyboard.press("Escape")
    page.reload()
    expect(page.locator(".rated b")).to_have_text("✕")

    page.get_by_role("button", name="Take back: Film 37").click()

    expect(page.get_by_role("heading", name="What most people like")).to_be_visible()
    expect(page.locator(".rated")).to_have_count(0)


def test_heart_whose_answer_is_lost_is_stored_once(browser: Browser, shop: str) -> None:
    with watching_failures(browser, shop) as watched:
        page = watched.page
        open_page(page)
        page.route("**/v1/users/*/interactions*", Fails(answer_lost, times=1, method="POST"))
        tiles(page).first.get_by_role("button", name="I like it").click()
        expect(page.locator(".unsaved")).to_be_visible()

        page.get_by_role("alert").get_by_role("button", name="Retry").click()

        expect(page.locator(".count")).to_have_text("from 1 answer")
        visitor = page.evaluate("localStorage.getItem('coldstart-visitor')")
        assert len(httpx.get(f"{shop}/v1/users/{visitor}/interactions").json()["items"]) == 1
