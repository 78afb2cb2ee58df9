"""The page of scenarios: what they say, how their lists are clicked, and changing them."""

from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import httpx
import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import Watched


@pytest.fixture
def name(api: httpx.Client) -> Iterator[str]:
    """The name of a scenario, which is deleted at the end."""
    name = f"home-{uuid4().hex[:8]}"
    yield name
    api.delete(f"/v1/scenarios/{name}")


def card(page: Page, name: str) -> Locator:
    return page.locator(".card", has=page.get_by_role("heading", name=name))


def put(api: httpx.Client, name: str, **settings: object) -> None:
    answer = api.put(f"/v1/scenarios/{name}", json=settings)
    assert answer.status_code == 200, answer.text


def click(api: httpx.Client, name: str, clicking: dict[str, int], users: int = 60) -> None:
    """Let users see an item in the list of their variant; of each variant, so many click it."""
    events: list[dict[str, Any]] = []
    clicks = dict.fromkeys(clicking, 0)
    for number in range(users):
        user = f"{name} {number}"
        made = api.get(f"/v1/users/{user}/recommendations", params={"scenario": name, "n": 1}).json()
        variant = made["recommendation_id"].rpartition(".")[2]
        event = {
            "user_id": user,
            "item_id": made["items"][0]["item_id"],
            "model_version": made["model_version"],
            "recommendation_id": made["recommendation_id"],
        }
        events.append({**event, "event_id": f"{user} shown", "type": "shown"})
        if clicks[variant] < clicking[variant]:
            clicks[variant] += 1
            events.append({**event, "event_id": f"{user} clicked", "type": "clicked"})
    assert api.post("/v1/events", json={"events": events}).status_code == 200


def test_scenario_is_shown_in_words_with_the_clicks_of_both_variants(
    watched: Watched, api: httpx.Client, name: str
) -> None:
    boosts = [{"factor": 2, "item_ids": ["i1"], "filter": {"genre": ["comedy"]}}]
    filters = {"genre": {"not": ["horror"]}, "year": {"from": 1960}}
    put(api, name, n=4, percent=50, boosts=boosts, filter=filters, pinned=["i3"], strangers="latest")
    click(api, name, {"scenario": 100, "control": 1})
    watched.page.goto("/scenarios")

    shown = card(watched.page, name)
    expect(shown).to_contain_text("For 50 % of the users")
    expect(shown.locator(".facts")).to_contain_text("× 2 for items i1 with genre: comedy")
    expect(shown.locator(".facts")).to_contain_text("genre: not horror; year: from 1960")
    expect(shown.locator(".facts")).to_contain_text("Strangers’ list")
    expect(shown.get_by_role("row", name="With the settings")).to_contain_text("100 %")
    expect(shown.get_by_role("row", name="Control group")).to_be_visible()
    expect(shown).to_contain_text("Lists with the settings are clicked more often.")
    watched.require_accessible()


def test_changed_settings_have_no_clicks_yet(watched: Watched, api: httpx.Client, name: str) -> None:
    put(api, name, percent=50)
    click(api, name, {"scenario": 2, "control": 2}, users=20)
    watched.page.goto("/scenarios")
    expect(card(watched.page, name)).to_contain_text("No clear difference yet")

    put(api, name, percent=50, n=3)
    watched.page.reload()

    expect(card(watched.page, name)).to_contain_text("No events of its lists since then.")


def test_scenario_is_created_edited_and_deleted_by_keyboard(watched: Watched, api: httpx.Client, name: str) -> None:
    page = watched.page
    page.goto("/scenarios")
    form = page.locator("form.panel")
    form.get_by_label("Name").fill(name)
    form.get_by_label("Items in a list").fill("6")
    form.get_by_label("Boosts").fill('[{"factor": 2, "filter": {"genre": ["comedy"]}}]')
    form.get_by_label("Boosts").press("Tab")
    page.keyboard.press("Enter")

    expect(card(page, name)).to_contain_text("× 2 for genre: comedy")
    stored = api.get(f"/v1/scenarios/{name}").json()
    assert (stored["n"], stored["percent"], stored["diversity"]) == (6, 100, None)

    page.get_by_role("button", name=f"Edit {name}").press("Enter")
    expect(form.get_by_label("Share of the users")).to_be_focused()
    form.get_by_label("Share of the users").fill("50")
    form.get_by_label("Excluded items").fill("i1\n\n i2 ")
    form.get_by_label("List for strangers").fill("popular:30")
    form.get_by_label("Order").select_option("rating")
    watched.require_accessible()
    form.get_by_role("button", name="Save").press("Enter")

    expect(card(page, name)).to_contain_text("For 50 % of the users")
    changed = api.get(f"/v1/scenarios/{name}").json()
    expected = {"percent": 50, "exclude": ["i1", "i2"], "strangers": "popular:30", "rank_by": "rating"}
    assert changed == {**stored, **expected, "updated_at": changed["updated_at"]}

    page.get_by_role("button", name=f"Delete {name}").press("Enter")
    watched.require_accessible()
    page.get_by_role("dialog").get_by_role("button", name="Delete").press("Enter")

    expect(card(page, name)).to_have_count(0)
    expect(page.get_by_role("heading", name="Scenarios", exact=True)).to_be_focused()
    assert api.get(f"/v1/scenarios/{name}").status_code == 404


def test_wrong_setting_is_named_and_what_was_typed_stays(watched: Watched, api: httpx.Client, name: str) -> None:
    watched.expects_failures = True
    page = watched.page
    page.goto("/scenarios")
    form = page.locator("form.panel")
    form.get_by_label("Name").fill(name)
    form.get_by_label("Filter").fill('{"genre": ["noir"]}')
    form.get_by_role("button", name="Create").click()

    expect(form.get_by_role("alert")).to_contain_text("filter.genre")
    form.get_by_label("Filter").fill("genre: comedy")
    form.get_by_role("button", name="Create").click()
    expect(form.get_by_role("alert")).to_contain_text("Filter: this is not JSON.")
    expect(form.get_by_label("Name")).to_have_value(name)
    assert api.get(f"/v1/scenarios/{name}").status_code == 404
