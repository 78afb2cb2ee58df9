from playwright.sync_api import Page, expect

SLOW = 120_000
"""Milliseconds. Both scripts draw the whole document at once, which takes long on a busy machine."""


def test_swagger_ui_tries_an_operation(page: Page) -> None:
    page.set_default_timeout(SLOW)
    page.goto("/docs#/candidates/list_candidates")
    page.get_by_role("button", name="Try it out").click()
    page.get_by_role("button", name="Execute").click()

    status = page.locator(".live-responses-table tbody .response-col_status").first
    expect(status).to_contain_text("200", timeout=SLOW)


def test_redoc_shows_the_operations(page: Page) -> None:
    page.set_default_timeout(SLOW)
    page.goto("/redoc")

    expect(page.get_by_role("heading", name="Cold-start recommender")).to_be_visible(timeout=SLOW)
    expect(page.locator("[id='operation/list_candidates']")).to_be_attached(timeout=SLOW)
