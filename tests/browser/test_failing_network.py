"""The onboarding page when requests fail: every failure is shown with a way to retry, and no rating is lost."""

import re
from collections.abc import Iterator

import httpx
import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.browser.conftest import Watched
from tests.browser.failing import (
    Fails,
    Failure,
    answer_lost,
    busy,
    empty_200,
    empty_502,
    html_200,
    html_502,
    no_answer,
    no_network,
    watching_failures,
)
from tests.browser.test_onboarding import open_page, rate, tiles

RATINGS = "**/v1/users/*/ratings*"
LONG = 60_000
"""Milliseconds, longer than the page waits for an answer."""


@pytest.fixture
def watched(browser: Browser, address: str) -> Iterator[Watched]:
    with watching_failures(browser, address) as watched:
        yield watched


def stored(page: Page, api: httpx.Client) -> set[str]:
    """The titles of the films whose ratings are stored."""
    visitor = page.evaluate("localStorage.getItem('coldstart-visitor')")
    answer = api.get(f"/v1/users/{visitor}/ratings").json()
    return {f"Film {item['item_id'].removeprefix('i')}" for item in answer.get("items", [])}


def rate_film(tile: Locator) -> str:
    return f"Film {rate(tile)}"


def alert(page: Page) -> Locator:
    return page.get_by_role("alert")


def retry(page: Page) -> None:
    alert(page).get_by_role("button", name="Retry").click()


@pytest.mark.parametrize(
    ("path", "failure", "times"),
    [
        ("**/v1/schema", html_502, 1),
        ("**/v1/candidates*", empty_502, 1),
        ("**/v1/users/*/recommendations*", html_200, 1),
        ("**/v1/items*", empty_200, 3),  # for the tiles, for the questions and for the list
        ("**/v1/schema", no_network, 1),
    ],
)
def test_page_whose_first_request_fails_says_so_and_begins_after_retry(
    watched: Watched, path: str, failure: Failure, times: int
) -> None:
    page = watched.page
    page.route(path, Fails(failure, times=times))
    page.goto("/")
    expect(alert(page)).to_contain_text("service")
    watched.require_accessible()

    retry(page)

    expect(tiles(page)).to_have_count(12)
    expect(page.locator(".list ol li")).to_have_count(10)
    expect(alert(page)).to_have_count(0)
    expect(tiles(page).first.locator(".meta")).to_have_text(re.compile("comedy|horror"))


def test_page_without_an_answer_says_so_again_and_again(page: Page) -> None:
    page.clock.install()
    hanging = Fails(no_answer, times=2)
    page.route("**/v1/schema", hanging)
    page.goto("/")
    expect(page.get_by_text("Getting the first items")).to_be_visible()
    page.clock.fast_forward(LONG)
    expect(alert(page)).to_contain_text("The service does not answer.")
    retry(page)
    expect(page.get_by_text("Getting the first items")).to_be_visible()
    page.clock.fast_forward(LONG)
    expect(alert(page)).to_contain_text("The service does not answer.")

    retry(page)

    expect(tiles(page)).to_have_count(12)


@pytest.mark.parametrize("failure", [html_502, empty_200, no_network, answer_lost])
def test_rating_that_fails_once_stays_and_goes_out_with_the_next_one(
    page: Page, api: httpx.Client, failure: Failure
) -> None:
    open_page(page)
    page.route(RATINGS, Fails(failure, times=1, method="POST"))
    first = rate_film(tiles(page).first)
    expect(page.locator(".rated .unsaved")).to_contain_text(first)
    expect(alert(page)).to_contain_text(f"Your answer about {first} could not be saved yet.")

    second = rate_film(tiles(page).nth(1))

    expect(page.locator(".count")).to_have_text("from 2 ratings")
    expect(page.locator(".unsaved")).to_have_count(0)
    expect(alert(page)).to_have_count(0)
    assert stored(page, api) == {first, second}


def test_rating_that_always_fails_blocks_no_other_and_outlives_reloads_until_it_is_saved(
    watched: Watched, api: httpx.Client
) -> None:
    page = watched.page
    open_page(page)
    stubborn = str(tiles(page).first.get_attribute("data-item"))
    failing = Fails(html_502, method="POST", containing=f'"{stubborn}"')
    page.route(RATINGS, failing)
    first = rate_film(tiles(page).first)
    second = rate_film(tiles(page).nth(1))
    expect(page.locator(".count")).to_have_text("from 1 rating")
    expect(page.locator(".unsaved")).to_contain_text(first)
    assert stored(page, api) == {second}
    watched.require_accessible()

    page.reload()
    expect(page.locator(".unsaved")).to_contain_text(first)
    expect(page.locator(".rated li")).to_have_count(2)
    assert first not in "\n".join(tiles(page).all_inner_texts()).splitlines()
    retry(page)
    expect(alert(page)).to_be_visible()
    page.unroute(RATINGS, failing)
    page.get_by_role("button", name=f"Retry: {first}").click()

    expect(page.locator(".count")).to_have_text("from 2 ratings")
    expect(page.locator(".unsaved")).to_have_count(0)
    assert stored(page, api) == {first, second}


def test_rating_without_an_answer_is_shown_as_not_saved_and_later_ones_are_sent(page: Page, api: httpx.Client) -> None:
    page.clock.install()
    open_page(page)
    page.route(RATINGS, Fails(no_answer, times=1, method="POST"))
    rate_film(tiles(page).first)
    rate_film(tiles(page).nth(1))
    page.clock.fast_forward(LONG)

    expect(page.locator(".count")).to_have_text("from 2 ratings")
    assert len(stored(page, api)) == 2


def test_rating_of_a_tab_that_is_closed_while_it_is_sent_is_sent_by_the_next_one(page: Page, api: httpx.Client) -> None:
    open_page(page)
    page.route(RATINGS, Fails(no_answer, method="POST"))
    film = rate_film(tiles(page).first)
    other = rate_film(tiles(page).nth(1))
    expect(page.locator(".rated li")).to_have_count(2)
    page.close()

    again = page.context.new_page()
    open_page(again)

    expect(again.locator(".count")).to_have_text("from 2 ratings")
    assert stored(again, api) == {film, other}


def test_rating_that_is_taken_back_before_it_is_saved_is_not_stored(page: Page, api: httpx.Client) -> None:
    open_page(page)
    page.route(RATINGS, Fails(answer_lost, times=1, method="POST"))
    film = rate_film(tiles(page).first)
    expect(page.locator(".unsaved")).to_contain_text(film)

    with page.expect_response(lambda response: response.request.method == "DELETE"):
        page.get_by_role("button", name=f"Take back: {film}").click()

    expect(page.locator(".rated")).to_have_count(0)
    expect(alert(page)).to_have_count(0)
    assert stored(page, api) == set()


def test_rating_that_the_service_refuses_stays_with_its_reason_until_it_is_taken_back(page: Page) -> None:
    reason = {"detail": "ratings.0.item_id: is not in the catalogue", "type": "urn:coldstart:problem:invalid-request"}
    open_page(page)
    page.route(RATINGS, Fails(lambda route: route.fulfill(status=422, json=reason), method="POST"))
    film = rate_film(tiles(page).first)

    expect(alert(page)).to_contain_text("is not in the catalogue")
    page.get_by_role("button", name=f"Take back: {film}").click()

    expect(alert(page)).to_have_count(0)
    expect(page.locator(".rated")).to_have_count(0)


@pytest.mark.parametrize(("status", "retry_after"), [(503, "50"), (429, "60")])
def test_busy_service_is_asked_again_after_the_time_that_it_names(
    page: Page, api: httpx.Client, status: int, retry_after: str
) -> None:
    page.clock.install()
    open_page(page)
    failing = Fails(busy(status, retry_after), times=1, method="POST")
    page.route(RATINGS, failing)
    film = rate_film(tiles(page).first)
    expect(page.get_by_text(f"The service is busy. Trying again in {retry_after} s")).to_be_visible()
    assert failing.failed == 1

    page.clock.fast_forward(1000 * int(retry_after))

    expect(page.locator(".count")).to_have_text("from 1 rating")
    expect(page.get_by_text("The service is busy.")).to_have_count(0)
    assert stored(page, api) == {film}


def test_service_that_stays_busy_is_asked_a_few_times_and_then_on_retry(page: Page, api: httpx.Client) -> None:
    page.clock.install()
    open_page(page)  # nothing else is under way that the clock could end
    failing = Fails(busy(503, "40"), method="POST")
    page.route(RATINGS, failing)
    film = rate_film(tiles(page).first)
    for count in range(1, 4):
        expect(page.get_by_text(f"Trying again in 40 s ({count} of 3)")).to_be_visible()
        assert failing.failed == count
        page.clock.fast_forward(40_000)
    expect(alert(page)).to_contain_text("Busy.")
    assert failing.failed == 4
    page.unroute(RATINGS)

    retry(page)

    expect(page.locator(".count")).to_have_text("from 1 rating")
    assert stored(page, api) == {film}


def test_start_over_does_not_wait_for_a_service_that_does_not_answer(page: Page, api: httpx.Client) -> None:
    open_page(page)
    rate_film(tiles(page).first)
    expect(page.locator(".count")).to_have_text("from 1 rating")
    visitor = page.evaluate("localStorage.getItem('coldstart-visitor')")
    page.route(RATINGS, Fails(no_answer, method="POST"))
    rate_film(tiles(page).nth(1))

    page.get_by_role("button", name="Start over").click()

    expect(page.get_by_role("heading", name="What most people like")).to_be_visible()
    expect(page.locator(".rated")).to_have_count(0)
    assert api.get(f"/v1/users/{visitor}").status_code == 404


def test_start_over_that_fails_is_done_on_retry(page: Page, api: httpx.Client) -> None:
    open_page(page)
    rate_film(tiles(page).first)
    expect(page.locator(".count")).to_have_text("from 1 rating")
    visitor = page.evaluate("localStorage.getItem('coldstart-visitor')")
    page.route("**/v1/users/*", Fails(html_502, times=1, method="DELETE"))
    page.get_by_role("button", name="Start over").click()
    expect(alert(page)).to_contain_text("could not be saved yet")
    expect(page.locator(".rated")).to_have_count(0)

    with page.expect_response(lambda response: response.request.method == "DELETE"):
        retry(page)

    expect(alert(page)).to_have_count(0)
    assert api.get(f"/v1/users/{visitor}").status_code == 404


def test_search_that_fails_says_so_and_is_done_on_retry(page: Page) -> None:
    open_page(page)
    page.route("**/v1/items?query*", Fails(html_502, times=1))
    page.get_by_label("Find something you know").fill("film 37")
    expect(page.locator(".found")).to_contain_text("The service is not available (status 502).")

    page.locator(".found").get_by_role("button", name="Retry").click()

    expect(page.locator(".found li")).to_have_count(1)
