from playwright.sync_api import expect

from tests.browser.conftest import Watched


def test_wrong_address_shows_an_accessible_page_with_a_way_back(watched: Watched) -> None:
    page = watched.page
    answer = page.goto("/recommendations")

    assert answer is not None
    assert answer.status == 404
    expect(page.get_by_role("heading", name="There is nothing at this address")).to_be_visible()
    watched.require_accessible()
    page.get_by_role("link", name="Start page").click()
    expect(page).to_have_title("Rate a few, get your list · coldstart")
    watched.expects_failures = True
