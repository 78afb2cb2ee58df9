"""The pages of evaluations and models."""

import re
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from playwright.sync_api import Browser, Page, Route, expect

from tests.browser.conftest import Watched
from tests.browser.failing import Fails, html_502, watching_failures


def run_evaluation(page: Page, *, seed: int) -> None:
    page.goto("/evaluations", wait_until="networkidle")  # so that earlier evaluations are there and can be counted
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


def serving(api: httpx.Client) -> str:
    return str(api.get("/v1/schema").json()["model_version"])


def confirm(page: Page, action: str, *, said: str) -> None:
    """Confirm a dialog that says what will happen."""
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text(said)
    dialog.get_by_role("button", name=action).click()


def test_models_page_activates_a_version_and_rolls_back_after_confirmation(watched: Watched, api: httpx.Client) -> None:
    page = watched.page
    page.goto("/models")
    card = page.locator(".card.serving")
    tiny = serving(api)
    expect(card).to_contain_text(tiny)
    expect(card).to_contain_text("two-tastes")
    watched.require_accessible()

    page.get_by_role("button", name="Activate other-").click()
    watched.require_accessible()
    page.get_by_role("dialog").get_by_role("button", name="Cancel").click()
    expect(page.get_by_role("dialog")).to_have_count(0)
    assert serving(api) == tiny
    page.get_by_role("button", name="Activate other-").click()
    confirm(page, "Activate", said=f"serves all users from now on, instead of {tiny}")
    expect(card).to_contain_text(re.compile(r"other-[0-9a-f]{12}"))
    other = serving(api)
    assert other.startswith("other-")

    page.get_by_role("button", name=f"Roll back to {tiny}").click()
    confirm(page, "Activate", said=f"{tiny} serves all users from now on, instead of {other}")
    expect(card).to_contain_text(tiny)
    assert serving(api) == tiny
    expect(page.get_by_role("button", name="Roll back")).to_have_count(0)  # not to the version that was just left


def test_models_page_starts_and_ends_a_comparison(watched: Watched, api: httpx.Client) -> None:
    page = watched.page
    page.goto("/models")
    page.get_by_role("button", name="Compare other-").click()
    watched.require_accessible()
    page.get_by_label("Share of the users").fill("20")
    confirm(page, "Start the comparison", said="always the same ones")
    expect(page.locator(".card.serving")).to_contain_text("serving 80 % of the users")
    challenger = api.get("/v1/model-traffic").json()["challenger"]
    assert challenger["percent"] == 20
    expect(page.get_by_role("button", name="Roll back")).to_have_count(0)
    page.get_by_role("button", name="Activate other-").click()
    expect(page.get_by_role("dialog")).to_contain_text(f"The comparison with {challenger['version']} ends.")
    page.keyboard.press("Escape")

    page.get_by_role("button", name="End the comparison").click()
    confirm(page, "End the comparison", said=f"{serving(api)} serves all users from now on.")

    expect(page.get_by_role("button", name="End the comparison")).to_have_count(0)
    assert api.get("/v1/model-traffic").json()["challenger"] is None


def test_models_page_registers_a_model_and_starts_a_training(
    watched: Watched, api: httpx.Client, other_model_dir: Path
) -> None:
    page = watched.page
    page.goto("/models")
    page.get_by_label("Directory on the server").fill(str(other_model_dir))
    page.get_by_role("button", name="Register").click()
    expect(page.get_by_text("The version is registered.")).to_be_attached()

    page.get_by_label("Epochs").fill("1")
    page.get_by_role("button", name="Start the training").click()

    training = page.locator(".trainings .card")
    expect(training).to_contain_text("Preset tiny")
    cancel = training.get_by_role("button", name="Cancel")
    expect(cancel.or_(training.locator(".status.failed"))).to_be_visible()  # it fails soon: nothing was rated
    (job,) = api.get("/v1/trainings").json()["items"]
    assert (job["preset"], job["activate"], job["with_data_set"]) == ("tiny", False, True)
    if cancel.is_visible():
        cancel.click()
    expect(training.locator(".status.failed, .status.cancelled, .status.succeeded")).to_be_visible(timeout=30_000)


@pytest.mark.parametrize(
    ("path", "request_path", "shown"),
    [
        ("/models", "**/v1/model-versions?*", ".card.serving"),
        ("/evaluations", "**/v1/evaluations?*", "#jobs-title"),
        ("/overview", "**/v1/overview", ".numbers"),
        ("/scenarios", "**/v1/scenarios?*", "#scenarios-title"),
    ],
)
def test_page_whose_request_fails_says_so_and_loads_on_retry(
    browser: Browser, address: str, path: str, request_path: str, shown: str
) -> None:
    with watching_failures(browser, address) as watched:
        page = watched.page
        page.route(request_path, Fails(html_502, times=1))
        page.goto(path)
        alert = page.get_by_role("alert")
        expect(alert).to_contain_text("The service is not available (status 502).")

        alert.get_by_role("button", name="Retry").click()

        expect(page.locator(shown)).to_be_visible()
        expect(alert).to_have_count(0)


def test_evaluations_page_shows_older_ones_page_by_page(watched: Watched, api: httpx.Client) -> None:
    version = api.get("/v1/schema").json()["model_version"]
    jobs = [
        {
            "evaluation_id": f"e{place}",
            "status": "cancelled",
            "progress": 0,
            "model_version": version,
            "config": {"states": ["warm"], "seed": place, "steps": None},
            "created_at": "2026-01-01T12:00:00Z",
            "started_at": None,
            "finished_at": None,
            "error": None,
        }
        for place in range(60)
    ]

    def answer(route: Route) -> None:
        query = parse_qs(urlsplit(route.request.url).query)
        first = int(query.get("cursor", ["0"])[0])
        last = first + int(query["limit"][0])
        route.fulfill(json={"items": jobs[first:last], "next_cursor": str(last) if last < len(jobs) else None})

    page = watched.page
    page.route("**/v1/evaluations?*", answer)
    page.goto("/evaluations")
    expect(page.locator(".card")).to_have_count(50)

    page.get_by_role("button", name="Show older evaluations").click()

    expect(page.locator(".card")).to_have_count(60)
    expect(page.get_by_role("button", name="Show older evaluations")).to_have_count(0)


def test_report_shows_the_chosen_curves(watched: Watched) -> None:
    page = watched.page
    run_evaluation(page, seed=4)
    page.get_by_role("link", name="Report of").first.click()
    section = page.locator("section", has=page.get_by_role("heading", name="With few ratings"))
    curve = section.locator(".chart .dot.s2").first
    expect(curve).to_be_visible()
    expect(page.locator(".facts")).to_contain_text("Made on")

    section.get_by_role("checkbox", name="global mean").uncheck()

    expect(curve).to_be_hidden()
