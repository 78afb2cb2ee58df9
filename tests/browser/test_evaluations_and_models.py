"""The pages of evaluations and models."""

import re
from pathlib import Path

import httpx
from playwright.sync_api import Page, expect

from tests.browser.conftest import Watched


def run_evaluation(page: Page, *, seed: int) -> None:
    page.goto("/evaluations")
    page.get_by_label("item_cold", exact=True).uncheck()
    page.get_by_label("support mean").uncheck()
    page.get_by_label("Seed").fill(str(seed))
    finished = page.locator(".status.succeeded").count()
    page.get_by_role("button", name="Start the evaluation").click()
    expect(page.locator(".status.succeeded")).to_have_count(finished + 1, timeout=30_000)


def test_evaluation_started_on_the_page_shows_its_report(watched: Watched, api: httpx.Client, tmp_path: Path) -> None:
    page = watched.page
    run_evaluation(page, seed=3)
    watched.require_accessible()
    page.get_by_role("link", name="Report of").first.click()
    expect(page.get_by_role("heading", name="Evaluation of tiny-")).to_be_visible()
    watched.require_accessible()
    (job,) = api.get("/v1/evaluations").json()["items"]
    assert job["config"]["states"] == ["warm", "user_cold", "user_and_item_cold"]
    assert job["config"]["baselines"] == ["global mean", "item mean + user bias"]
    assert job["config"]["seed"] == 3
    report = api.get(f"/v1/evaluations/{job['evaluation_id']}/report").json()
    shown = [
        float(value)
        for value in page.locator('table[data-measure="mae"] tbody tr')
        .first.locator("data")
        .evaluate_all("all => all.map(each => each.value)")
    ]
    estimates = [state["predictors"][0]["measures"]["mae"] for state in report["states"] if state["predictors"]]
    assert shown == [estimate[end] for estimate in estimates for end in ("value", "low", "high")]
    with page.expect_download() as download:
        page.get_by_role("link", name="Download as one file").click()
    saved = tmp_path / "report.html"
    download.value.save_as(saved)
    page.goto(saved.as_uri())
    expect(page.locator(".chart").first).to_be_visible()
    watched.faults = [fault for fault in watched.faults if not fault.startswith("file://")]


def test_two_evaluations_are_compared_side_by_side(watched: Watched) -> None:
    page = watched.page
    run_evaluation(page, seed=1)
    run_evaluation(page, seed=2)
    for box in page.get_by_role("checkbox", name="Compare").all()[:2]:
        box.check()
    page.get_by_role("link", name="Compare the two").click()
    expect(page.get_by_role("heading", name="Side by side")).to_be_visible()
    watched.require_accessible()


def test_models_page_with_a_challenger_shows_shares_and_click_rate(watched: Watched, api: httpx.Client) -> None:
    page = watched.page
    versions = {version["preset"]: version["version"] for version in api.get("/v1/model-versions").json()["items"]}
    challenger = {"version": versions["other"], "percent": 12.5}
    assert api.put("/v1/model-traffic/challenger", json=challenger).status_code == 200
    shown = [
        {"event_id": f"{item}", "type": type_, "user_id": "ada", "item_id": item, "model_version": versions["other"]}
        for item, type_ in (("i1", "shown"), ("i2", "shown"))
    ]
    clicked = shown[0] | {"event_id": "click", "type": "clicked"}
    assert api.post("/v1/events", json={"events": [*shown, clicked]}).status_code == 200

    page.goto("/models")

    card = page.locator(".card", has_text=versions["other"])
    expect(card.get_by_text("serving 12.5 % of the users")).to_be_visible()
    expect(card).to_contain_text("Clicks per showing50 %")
    expect(page.locator(".card.serving")).to_contain_text("serving 87.5 % of the users")
    watched.require_accessible()
    assert api.delete("/v1/model-traffic/challenger").status_code == 204


def test_models_page_activates_a_version_and_rolls_back(watched: Watched, api: httpx.Client) -> None:
    def serving() -> str:
        return str(api.get("/v1/schema").json()["model_version"])

    page = watched.page
    page.goto("/models")
    card = page.locator(".card.serving")
    expect(card).to_contain_text(serving())
    expect(card).to_contain_text("two-tastes")
    watched.require_accessible()
    tiny = serving()
    page.get_by_role("button", name="Activate other-").click()
    expect(card).to_contain_text(re.compile(r"other-[0-9a-f]{12}"))
    assert serving().startswith("other-")
    page.get_by_role("button", name=f"Roll back to {tiny}").click()
    expect(card).to_contain_text(tiny)
    assert serving() == tiny
