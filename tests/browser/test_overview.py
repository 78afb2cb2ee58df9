"""The start page of operators."""

import re
from datetime import UTC, datetime
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
    assert number(watched, "Answers") == counted["answers"]
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
    concluded = page.locator("section", has=page.get_by_role("heading", name="What the model concluded"))
    expect(concluded).to_contain_text(re.compile(r"Likes\s*comedy"))
    expect(concluded).to_contain_text(re.compile(r"Dislikes\s*horror"))
    watched.require_accessible()


def test_list_of_a_user_says_what_moved_or_left_out_each_item(watched: Watched, api: httpx.Client) -> None:
    user = uuid4().hex
    given = {"ratings": [{"item_id": "i1", "rating": 5}, {"item_id": "i2", "rating": 1}]}
    made = api.post(f"/v1/users/{user}/ratings", json=given).json()["recommendations"]
    first, second, third, *_ = made["items"]
    sent = [("shown", third), ("shown", third), ("dismissed", first)]
    event = {"model_version": made["model_version"], "user_id": user, "occurred_at": datetime.now(UTC).isoformat()}
    events = [
        {**event, "event_id": f"{user} {number}", "type": type_, "item_id": item["item_id"]}
        for number, (type_, item) in enumerate(sent)
    ]
    assert api.post("/v1/events", json={"events": events}).status_code == 200
    watched.page.goto(f"/overview?user={user}")

    listed = watched.page.locator("ol.rows li", has_text=re.compile(rf"{second['title']}\b"))
    expect(listed).to_contain_text("Place 2 by the model · 1 up (others dismissed)")
    left_out = watched.page.locator("ul.rows li", has_text="Place 1 by the model · dismissed")
    expect(left_out).to_contain_text(first["title"])
    lowered = watched.page.locator(".rows li", has_text="shown 2 times, score × 0.25")
    expect(lowered).to_contain_text(third["title"])
    expect(watched.page.get_by_text("Recommended items: shown 2, dismissed 1.")).to_be_visible()
    watched.require_accessible()


def test_overview_of_a_user_shows_the_answers_in_words(watched: Watched, api: httpx.Client) -> None:
    user = uuid4().hex
    answers = [
        {"kind": "attribute", "field": "genre", "value": "comedy", "rating": 4.5},
        {"kind": "group", "item_ids": ["i3", "i5"], "rating": None},
        {"kind": "pair", "item_ids": ["i7", "i8"], "preferred": "i7"},
    ]
    assert api.post(f"/v1/users/{user}/answers", json={"answers": answers}).status_code == 200
    watched.page.goto(f"/overview?user={user}")

    for did in ("genre: comedy ★ 4.5", "Film 3, Film 5 cannot say", "Film 7 or Film 8 rather Film 7"):
        expect(watched.page.get_by_text(did)).to_be_visible()
    watched.require_accessible()


def test_overview_of_an_unknown_user_says_so(watched: Watched) -> None:
    watched.expects_failures = True
    watched.page.goto("/overview?user=nobody")

    expect(watched.page.get_by_role("alert")).to_contain_text("nobody")
