"""The start page of operators."""

from uuid import uuid4

import httpx
from playwright.sync_api import expect

from tests.browser.conftest import Watched


def number(watched: Watched, name: str) -> int:
    text = watched.page.locator(".numbers div", has_text=name).locator("dd").inner_text()
    return int(text.replace(",", ""))


def test_overview_shows_numbers_what_serves_users_and_items(watched: Watched, api: httpx.Client) -> None:
    user = f"0-{uuid4().hex}"  # the first one in the list
    given = {"ratings": [{"item_id": "i1", "rating": 5}], "attributes": {"country": "fr"}}
    assert api.post(f"/v1/users/{user}/ratings", json=given).status_code == 200
    view = {"interactions": [{"item_id": "i2", "kind": "view"}]}
    assert api.post(f"/v1/users/{user}/interactions", json=view).status_code == 200
    page = watched.page
    page.goto("/overview")

    expect(page.locator(".serves")).to_contain_text(api.get("/v1/schema").json()["model_version"])
    counted = api.get("/v1/overview").json()
    assert number(watched, "Users") == counted["users"] >= 1
    assert number(watched, "Items") == 40
    assert number(watched, "Lists in the last minute") >= 2
    expect(page.locator(".problems")).to_be_visible()
    expect(page.locator(".rows li").first).to_be_visible()
    watched.require_accessible()
    items = page.locator("section", has=page.get_by_role("heading", name="Items"))
    expect(items.locator("li")).to_have_count(20)
    items.get_by_role("button", name="Show more items").click()
    expect(items.locator("li")).to_have_count(40)
    items.get_by_label("Title").fill("film 37")
    expect(items.locator("li")).to_have_count(1)
    expect(items).to_contain_text("genre: comedy")

    page.get_by_label("Id").fill(user)
    page.get_by_role("button", name="Open").click()

    expect(page.get_by_role("heading", name=f"User {user}")).to_be_visible()
    expect(page.locator("ol.rows li")).to_have_count(10)
    expect(page.locator("ol.rows")).to_contain_text("because of Film 1 (★ 5)")
    expect(page.get_by_text("Film 2 view")).to_be_visible()
    watched.require_accessible()


def test_overview_of_an_unknown_user_says_so(watched: Watched) -> None:
    watched.expects_failures = True
    watched.page.goto("/overview?user=nobody")

    expect(watched.page.get_by_role("alert")).to_contain_text("nobody")
