"""The onboarding page, on the two-tastes data: films with odd numbers are comedies, the others horror."""

import re
from typing import Any

import httpx
import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import Watched
from tests.waiting import until


def title_number(text: str) -> int:
    found = re.search(r"Film (\d+)", text)
    assert found is not None, text
    return int(found.group(1))


def tiles(page: Page) -> Locator:
    return page.locator(".tile")


def recommended(page: Page) -> list[int]:
    return [title_number(text) for text in page.locator(".list ol h3").all_inner_texts()]


def open_page(page: Page) -> None:
    page.goto("/")
    expect(tiles(page)).to_have_count(12)
    expect(page.locator(".list ol li")).to_have_count(10)


def rate(tile: Locator) -> int:
    """Rate the film of a tile: 5 for a comedy, 1 for horror. Returns the film's number."""
    film = title_number(tile.inner_text())
    tile.get_by_role("button", name="5 of 5" if film % 2 else "1 of 5").click()
    return film


def test_onboarding_by_mouse_gives_recommendations_with_reasons(watched: Watched) -> None:
    page = watched.page
    open_page(page)
    expect(page.get_by_role("heading", name="What most people like")).to_be_visible()
    expect(page.locator(".order")).to_have_text(re.compile("many people choose and like"))
    watched.require_accessible()
    for count in range(1, 6):
        tile = tiles(page).filter(has_text="comedy").first if count == 1 else tiles(page).nth(count)
        film = rate(tile)
        expect(page.locator(".count")).to_have_text(re.compile(rf"from {count} rating"))
        assert film not in {title_number(text) for text in tiles(page).all_inner_texts()}
    expect(page.locator('[data-timing="screen"]')).to_have_text(re.compile(r"\d+ ms"))
    expect(page.locator(".order")).to_have_text(re.compile("you are most likely to choose and then like"))
    assert all(film % 2 for film in recommended(page))
    reasons = page.locator(".because").all_inner_texts()
    assert reasons
    assert all(reason.startswith(("because you gave Film", "unlike Film")) for reason in reasons)
    expect(page.locator(".version")).to_have_text(re.compile(r"^tiny-[0-9a-f]{12}$"))
    expect(page.locator('[data-timing="server"]')).to_have_text(re.compile(r"^\d+\.\d ms$"))
    watched.require_accessible()


def test_reason_of_a_visitor_who_dislikes_an_item_says_unlike(page: Page) -> None:
    open_page(page)
    tile = tiles(page).filter(has_text="horror").first
    film = rate(tile)
    expect(page.locator(".count")).to_have_text("from 1 rating")
    reasons = page.locator(".because").all_inner_texts()
    assert reasons
    assert set(reasons) == {f"unlike Film {film} ★ 1"}


def test_onboarding_by_keyboard_alone_gives_recommendations(page: Page) -> None:
    open_page(page)
    for _ in range(20):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.closest('.tile') !== null"):
            break
    for count in range(1, 6):
        focused = page.locator(".tile:focus-within")
        film = title_number(focused.inner_text())
        page.keyboard.press("5" if film % 2 else "1")
        expect(page.locator(".count")).to_have_text(re.compile(rf"from {count} rating"))
        # The next item takes the same place and the focus, so five keys rate five items.
        expect(focused).not_to_contain_text(re.compile(rf"Film {film}\b"))
    assert all(film % 2 for film in recommended(page))
    focused = page.locator(".tile:focus-within")
    film = title_number(focused.inner_text())
    page.keyboard.press("s")
    expect(focused).not_to_contain_text(re.compile(rf"Film {film}\b"))
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    expect(page.locator(".rated b").first).to_have_text("★ 5")


def test_skipped_item_is_replaced_and_not_shown_again(page: Page) -> None:
    open_page(page)
    skipped = set()
    for _ in range(6):
        skipped.add(title_number(tiles(page).first.inner_text()))
        tiles(page).first.get_by_role("button", name="Haven’t seen it").click()
        expect(tiles(page).first).not_to_contain_text(re.compile(rf"Film ({'|'.join(map(str, skipped))})\b"))
    assert len(skipped) == 6
    rate(tiles(page).nth(1))
    expect(page.locator(".count")).to_have_text(re.compile("from 1 rating"))
    assert not skipped & {title_number(text) for text in tiles(page).all_inner_texts()}


def test_skip_alone_makes_a_list_of_its_own_that_a_reload_keeps(page: Page) -> None:
    open_page(page)
    tiles(page).first.get_by_role("button", name="Haven’t seen it").click()
    expect(page.get_by_role("heading", name="Your list")).to_be_visible()
    expect(page.locator(".count")).to_have_text("1 not seen")
    rate(tiles(page).nth(1))
    expect(page.locator(".count")).to_have_text("from 1 rating, 1 not seen")
    page.reload()
    expect(page.locator(".count")).to_have_text("from 1 rating, 1 not seen")


def test_search_by_title_finds_an_item_to_rate(watched: Watched) -> None:
    page = watched.page
    open_page(page)
    page.get_by_label("Find something you know").fill("film 37")
    found = page.locator(".found li")
    expect(found).to_have_count(1)
    watched.require_accessible()
    found.get_by_role("button", name="5 of 5").click()
    expect(page.locator(".rated li")).to_contain_text("Film 37")
    expect(found.get_by_role("button", name="5 of 5")).to_have_attribute("aria-pressed", "true")
    page.keyboard.press("Escape")
    expect(found).to_have_count(0)
    page.get_by_label("Find something you know").fill("nothing has this title")
    expect(page.locator(".found")).to_contain_text("No title contains")


def test_ratings_after_a_reload_are_still_there_and_can_be_deleted(page: Page) -> None:
    open_page(page)
    film = rate(tiles(page).first)
    expect(page.locator(".count")).to_have_text(re.compile("from 1 rating"))
    expect(page.locator(".list ol li")).to_have_count(10)
    page.reload()
    expect(page.locator(".rated li")).to_contain_text(f"Film {film}")
    page.get_by_role("button", name=f"Take back: Film {film}").click()
    expect(page.get_by_role("heading", name="What most people like")).to_be_visible()


def test_skip_is_undone_at_once_or_later(watched: Watched, api: httpx.Client) -> None:
    page = watched.page
    open_page(page)
    films = []
    for tile in (tiles(page).nth(2), tiles(page).nth(5)):
        films.append(f"Film {title_number(tile.inner_text())}")
        tile.get_by_role("button", name="Haven’t seen it").click()
    expect(page.locator(".count")).to_have_text("2 not seen")
    visitor = page.evaluate("localStorage.getItem('coldstart-visitor')")

    page.get_by_role("button", name="Undo").click()
    expect(page.locator(".count")).to_have_text("1 not seen")
    expect(tiles(page).nth(5).get_by_role("heading")).to_have_text(films[1])
    page.reload()
    page.get_by_text("Skipped: 1").click()
    watched.require_accessible()
    page.get_by_role("button", name=f"Do not skip: {films[0]}").click()

    expect(page.get_by_role("heading", name="What most people like")).to_be_visible()
    assert api.get(f"/v1/users/{visitor}/skips").json()["items"] == []


def test_start_over_is_undone(page: Page, api: httpx.Client) -> None:
    open_page(page)
    films = {f"Film {rate(tiles(page).nth(place))}" for place in (0, 1)}
    tiles(page).nth(3).get_by_role("button", name="Haven’t seen it").click()
    expect(page.locator(".count")).to_have_text("from 2 ratings, 1 not seen")
    page.get_by_role("button", name="Start over").click()
    expect(page.get_by_text("All your answers are deleted.").first).to_be_visible()
    expect(page.get_by_role("heading", name="What most people like")).to_be_visible()

    page.get_by_role("button", name="Undo").click()

    expect(page.locator(".count")).to_have_text("from 2 ratings, 1 not seen")
    visitor = page.evaluate("localStorage.getItem('coldstart-visitor')")
    ratings = api.get(f"/v1/users/{visitor}/ratings").json()["items"]
    assert {f"Film {rating['item_id'].removeprefix('i')}" for rating in ratings} == films


def test_recommended_items_are_rated_marked_as_seen_or_dismissed(watched: Watched, api: httpx.Client) -> None:
    page = watched.page
    open_page(page)
    first = page.locator(".list ol li").first
    first.get_by_role("button", name="Know it?").click()
    watched.require_accessible()
    first.get_by_role("button", name="4 of 5").click()
    expect(page.locator(".count")).to_have_text("from 1 rating")
    seen = recommended(page)[0]
    first.get_by_role("button", name="Know it?").click()
    first.get_by_role("button", name="Seen it").click()
    expect(page.locator(".count")).to_have_text("from 1 rating, 1 marked")
    dismissed = recommended(page)[0]
    first.get_by_role("button", name="Not interested").click()
    expect(page.locator(".count")).to_have_text("from 1 rating, 2 marked")
    assert not {seen, dismissed} & set(recommended(page))

    page.get_by_role("button", name="Undo").click()
    expect(page.locator(".count")).to_have_text("from 1 rating, 1 marked")
    page.reload()

    expect(page.locator(".rated h3")).to_have_text("You rated 1 and marked 1")
    visitor = page.evaluate("localStorage.getItem('coldstart-visitor')")
    assert [item["kind"] for item in api.get(f"/v1/users/{visitor}/interactions").json()["items"]] == ["view"]
    assert [item["rating"] for item in api.get(f"/v1/users/{visitor}/ratings").json()["items"]] == [4]


def test_list_continues_and_what_was_passed_over_counts_as_shown_once(page: Page, api: httpx.Client) -> None:
    open_page(page)
    rate(tiles(page).first)
    expect(page.locator(".count")).to_have_text("from 1 rating")
    expect(page.locator(".list ol > li")).to_have_count(10)
    first = recommended(page)
    for count in (20, 30):
        page.get_by_role("button", name="Show more").press("Enter")
        expect(page.locator(".list ol > li")).to_have_count(count)
    assert len(set(recommended(page))) == 30
    assert recommended(page)[:10] == first
    visitor = page.evaluate("localStorage.getItem('coldstart-visitor')")

    def explained() -> dict[str, Any]:
        answer: dict[str, Any] = api.get(f"/v1/users/{visitor}/recommendations:explain", params={"n": 40}).json()
        return answer

    until(lambda: explained()["given"]["shown_count"] == 20)
    positions = {group["group"] for group in api.get("/v1/click-rates", params={"by": "position"}).json()["items"]}
    assert {"1", "20"} <= positions
    assert {item["times_seen"] for item in explained()["items"] if title_number(item["title"]) in first} == {1}


def test_similar_items_of_a_recommended_one_can_be_rated(watched: Watched) -> None:
    page = watched.page
    open_page(page)
    first = page.locator(".list ol > li").first
    film = recommended(page)[0]
    first.get_by_role("button", name="More like this").press("Enter")
    similar = first.get_by_role("group", name=f"Like Film {film}", exact=True).get_by_role("listitem")
    expect(similar).to_have_count(4)
    numbers = [title_number(text) for text in similar.get_by_role("heading").all_inner_texts()]
    assert {number % 2 for number in numbers} == {film % 2}
    assert not set(numbers) & set(recommended(page))
    watched.require_accessible()

    similar.first.get_by_role("button", name="5 of 5").click()

    expect(page.locator(".rated li")).to_contain_text(f"Film {numbers[0]}")
    expect(page.locator(".count")).to_have_text("from 1 rating")


def test_start_over_erases_the_user(page: Page, api: httpx.Client) -> None:
    open_page(page)
    rate(tiles(page).first)
    expect(page.locator(".count")).to_have_text(re.compile("from 1 rating"))
    page.wait_for_load_state("networkidle")
    visitor = page.evaluate("localStorage.getItem('coldstart-visitor')")
    assert api.get(f"/v1/users/{visitor}").status_code == 200
    page.get_by_role("button", name="Start over").click()
    expect(page.get_by_role("heading", name="What most people like")).to_be_visible()
    expect(page.locator(".rated")).to_have_count(0)
    assert api.get(f"/v1/users/{visitor}").status_code == 404


@pytest.mark.parametrize("width", [360, 768, 1920])
@pytest.mark.parametrize("path", ["/", "/overview", "/evaluations", "/models", "/scenarios"])
def test_page_is_not_wider_than_the_screen(page: Page, path: str, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 800})
    page.goto(path, wait_until="networkidle")
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_page_has_a_strict_policy_and_assets_are_compressed_and_cached(api: httpx.Client) -> None:
    shell = api.get("/")
    policy = dict(part.split(" ", 1) for part in shell.headers["content-security-policy"].split("; "))
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == "'self'"
    for asset in re.findall(r'(?:src|href)="(/assets/[^"#]+\.(?:js|css|woff2))"', shell.text):
        answer = api.get(asset)
        assert answer.status_code == 200
        assert "immutable" in answer.headers["cache-control"]
        if not asset.endswith("woff2"):
            assert answer.headers["content-encoding"] == "gzip", asset
