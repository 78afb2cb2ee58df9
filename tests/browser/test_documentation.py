from playwright.sync_api import Page, expect

from tests.browser.conftest import Watched


def test_swagger_ui_shows_the_operations_and_tries_one(watched: Watched) -> None:
    page = watched.page
    page.goto("/docs")
    expect(page.locator("#operations-candidates-list_candidates")).to_be_visible(timeout=60_000)  # it draws all of them
    page.locator("#operations-candidates-list_candidates .opblock-summary-control").click()
    page.get_by_role("button", name="Try it out").click()
    page.get_by_role("button", name="Execute").click()

    expect(page.locator(".live-responses-table .response-col_status").first).to_contain_text("200")


def test_redoc_shows_the_operations(page: Page) -> None:
    page.goto("/redoc")

    expect(page.get_by_role("heading", name="Cold-start recommender")).to_be_visible()
    expect(page.locator("[id='operation/list_candidates']")).to_be_attached()
