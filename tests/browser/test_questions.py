"""Questions about what items have in common, and tastes in words, on the onboarding page."""

import re

import httpx
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import Watched


def open_page(page: Page) -> None:
    page.goto("/")
    expect(questions(page)).to_have_count(3)


def questions(page: Page) -> Locator:
    return page.locator(".question")


def said(page: Page) -> Locator:
    return page.get_by_role("region", name="What you said in general")


def about(page: Page, subject: str) -> Locator:
    return questions(page).filter(has=page.get_by_role("heading", name=f"How do you like {subject}?"))


def visitor(page: Page) -> str:
    return str(page.evaluate("localStorage.getItem('coldstart-visitor')"))


def test_an_answer_about_a_genre_makes_a_list_that_a_reload_keeps(watched: Watched, api: httpx.Client) -> None:
    page = watched.page
    open_page(page)
    about(page, "horror").get_by_role("button", name="5 of 5").click()
    expect(page.locator(".count")).to_have_text("1 said in general")
    expect(said(page)).to_contain_text("horror ★ 5")
    expect(about(page, "horror")).to_have_count(0)
    expect(questions(page)).to_have_count(3)
    watched.require_accessible()
    (answer,) = api.get(f"/v1/users/{visitor(page)}/answers").json()["items"]
    assert (answer["value"], answer["rating"]) == ("horror", 5)

    page.reload()

    expect(page.locator(".count")).to_have_text("1 said in general")
    expect(said(page)).to_contain_text("horror ★ 5")
    page.get_by_role("button", name="Take back: horror").click()
    expect(page.get_by_role("heading", name="What most people like")).to_be_visible()
    assert api.get(f"/v1/users/{visitor(page)}/answers").json()["items"] == []


def test_questions_are_answered_by_keyboard_and_the_focus_stays(page: Page) -> None:
    open_page(page)
    questions(page).first.get_by_role("button").first.focus()
    page.keyboard.press("5")
    expect(page.locator(".count")).to_have_text("1 said in general")
    for count in range(2, 30):
        focused = page.locator(".question:focus-within")
        expect(focused).to_have_count(1)
        if focused.get_attribute("data-kind") == "pair":
            break
        page.keyboard.press("s")
        expect(said(page).locator("li")).to_have_count(count)
    first, second = page.locator(".question:focus-within .pair button").all_inner_texts()
    page.keyboard.press("2")
    expect(said(page).locator("li").first).to_contain_text(second)
    expect(page.locator(".count")).to_have_text("2 said in general")
    assert first != second


def test_a_pair_is_answered_by_the_mouse(watched: Watched, api: httpx.Client) -> None:
    page = watched.page
    open_page(page)
    for count in range(1, 30):
        if page.locator(".pair").count():
            break
        questions(page).first.get_by_role("button", name=re.compile("^Can’t say")).click()
        expect(said(page).locator("li")).to_have_count(count)
    watched.require_accessible()
    preferred = page.locator(".pair button").first
    title = preferred.inner_text()
    preferred.click()
    expect(page.locator(".count")).to_have_text("1 said in general")
    stored = api.get(f"/v1/users/{visitor(page)}/answers").json()["items"]
    preferred_ids = [answer["preferred"] for answer in stored if answer["kind"] == "pair"]
    assert preferred_ids == [title.replace("Film ", "i")]


def test_a_taste_is_contradicted(watched: Watched) -> None:
    page = watched.page
    open_page(page)
    page.get_by_label("Find something you know").fill("film 2")
    for place in range(4):
        odd = int(page.locator(".found li").nth(place).inner_text().split()[1]) % 2
        page.locator(".found li").nth(place).get_by_role("button", name=f"{5 if odd else 1} of 5").click()
    page.keyboard.press("Escape")
    taste = page.get_by_role("button", name="comedy", exact=True)
    taste.click()
    watched.require_accessible()
    page.locator(".tastes").get_by_role("button", name="1 of 5").click()
    expect(said(page)).to_contain_text("comedy ★ 1")
    expect(taste).to_have_count(0)


def test_answers_in_general_come_back_after_a_new_start(page: Page) -> None:
    open_page(page)
    about(page, "comedy").get_by_role("button", name="1 of 5").click()
    expect(page.locator(".count")).to_have_text("1 said in general")
    page.get_by_role("button", name="Start over").click()
    expect(said(page)).to_have_count(0)
    page.get_by_role("button", name="Undo").click()
    expect(said(page)).to_contain_text("comedy ★ 1")
    expect(page.locator(".count")).to_have_text("1 said in general")
