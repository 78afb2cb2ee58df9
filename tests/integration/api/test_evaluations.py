import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from app.jobs import runner
from app.main import create_app
from app.reports import report_page
from app.services.container import open_services
from app.settings import Settings
from models.artifact import ArtifactError
from models.evaluation import EvaluationReport
from tests.integration.running import connected
from tests.waiting import until_job

EVALUATIONS = "/v1/evaluations"

Work = Callable[..., dict[str, Any]]


@pytest.fixture
async def working(settings: Settings) -> AsyncIterator[httpx.AsyncClient]:
    """A client of a server with an embedded worker."""
    async with connected(create_app(settings.model_copy(update={"run_worker": True}))) as client:
        yield client


def replace_work(monkeypatch: pytest.MonkeyPatch, work: Work) -> None:
    monkeypatch.setitem(runner._JOB_FUNCTIONS, "evaluation", work)


def work_until_stopped(
    _parameters: object, *, settings: Settings, progress: Callable[[float], None], **_more: object
) -> dict[str, Any]:
    assert settings.device == "cpu"
    while True:
        progress(0.5)
        time.sleep(0.01)


class TestStartEvaluation:
    async def test_start_evaluation_runs_and_stores_the_report(self, working: httpx.AsyncClient) -> None:
        answer = await working.post(EVALUATIONS, json={"states": ["warm", "user_cold"], "bootstrap_resamples": 100})

        assert answer.status_code == 202
        job = answer.json()
        assert job["status"] == "queued"
        assert job["config"]["states"] == ["warm", "user_cold"]
        location = answer.headers["location"]
        assert location == f"{EVALUATIONS}/{job['evaluation_id']}"

        job = await until_job(working, location, "succeeded", "failed")

        assert job["error"] is None
        assert job["progress"] == 1
        assert job["created_at"] <= job["started_at"] <= job["finished_at"]
        report = (await working.get(f"{location}/report")).json()
        assert report == job["report"]
        assert report["model_version"] == job["model_version"]
        (warm, _) = report["states"]
        assert warm["predictors"][0]["measures"]["mae"]["value"] > 0
        page = await working.get(f"{location}/report.html")
        assert page.headers["content-type"] == "text/html; charset=utf-8"
        assert (
            page.headers["content-disposition"]
            == f"attachment; filename*=UTF-8''evaluation-{job['model_version']}.html"
        )
        assert page.text == report_page(EvaluationReport.model_validate(report))
        (listed,) = (await working.get(EVALUATIONS)).json()["items"]
        assert listed == {name: value for name, value in job.items() if name != "report"}

    async def test_start_evaluation_of_another_version_uses_the_given_baselines(
        self, client: httpx.AsyncClient, settings: Settings, other_model_dir: Path
    ) -> None:
        async with open_services(settings) as services:
            other = await services.model_versions.register(other_model_dir)

        answer = await client.post(EVALUATIONS, json={"model_version": other, "baselines": ["item neighbours"]})

        assert answer.status_code == 202
        assert answer.json()["model_version"] == other
        assert answer.json()["config"]["baselines"] == ["item neighbours"]

    async def test_start_evaluation_of_an_unknown_version_is_not_found(self, client: httpx.AsyncClient) -> None:
        answer = await client.post(EVALUATIONS, json={"model_version": "nothing"})

        assert answer.status_code == 404
        assert answer.json()["type"] == "urn:coldstart:problem:model-version-not-found"

    async def test_start_evaluation_without_a_body_evaluates_all_states(self, client: httpx.AsyncClient) -> None:
        answer = await client.post(EVALUATIONS)

        assert answer.status_code == 202
        assert len(answer.json()["config"]["states"]) == 4

    @pytest.mark.parametrize(
        ("body", "field"),
        [
            ({"states": ["hot"]}, "states"),
            ({"steps": 0}, "steps"),
            ({"speed": 1}, "speed"),
            ({"baselines": ["luck"]}, "baselines"),
        ],
    )
    async def test_start_evaluation_with_an_invalid_field_is_refused(
        self, client: httpx.AsyncClient, body: dict[str, Any], field: str
    ) -> None:
        answer = await client.post(EVALUATIONS, json=body)

        assert answer.status_code == 422
        assert [error["field"] for error in answer.json()["errors"]] == [field]
        assert (await client.get(EVALUATIONS)).json()["items"] == []

    async def test_start_evaluation_without_data_is_refused(self, settings: Settings, tmp_path: Path) -> None:
        without_data = settings.model_copy(update={"data_dir": tmp_path / "without_data"})
        async with connected(create_app(without_data)) as client:
            answer = await client.post(EVALUATIONS)

        assert answer.status_code == 409
        assert answer.json()["type"] == "urn:coldstart:problem:evaluation-data-missing"


class TestFailedEvaluation:
    async def test_failed_evaluation_says_why(self, settings: Settings, tmp_path: Path) -> None:
        empty = settings.model_copy(update={"data_dir": tmp_path, "run_worker": True})
        async with connected(create_app(empty)) as client:
            job = await until_job(client, (await client.post(EVALUATIONS)).headers["location"], "failed", "succeeded")

            assert job["status"] == "failed"
            assert str(tmp_path) in job["error"]
            report = await client.get(f"{EVALUATIONS}/{job['evaluation_id']}/report")
            assert report.status_code == 409
            assert report.json()["type"] == "urn:coldstart:problem:evaluation-not-succeeded"

    @pytest.mark.parametrize(
        ("error", "reason"),
        [
            (ArtifactError("weights.safetensors is gone"), "weights.safetensors is gone"),
            (KeyError("secret"), "unexpected"),
        ],
    )
    async def test_failed_evaluation_shows_no_traceback_or_unexpected_error(
        self, working: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch, error: Exception, reason: str
    ) -> None:
        def fail(*_args: object, **_options: object) -> dict[str, Any]:
            raise error

        replace_work(monkeypatch, fail)
        job = await until_job(working, (await working.post(EVALUATIONS)).headers["location"], "failed")

        assert reason in job["error"]
        assert "secret" not in job["error"]
        assert "Traceback" not in job["error"]


class TestCancelEvaluation:
    async def test_cancel_evaluation_that_is_queued_cancels_it(self, client: httpx.AsyncClient) -> None:
        location = (await client.post(EVALUATIONS)).headers["location"]

        answers = [await client.delete(location) for _ in range(2)]

        assert [answer.status_code for answer in answers] == [200, 200]
        assert (await client.get(location)).json()["status"] == "cancelled"

    async def test_cancel_evaluation_that_runs_stops_it(
        self, working: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        replace_work(monkeypatch, work_until_stopped)
        location = (await working.post(EVALUATIONS)).headers["location"]
        await until_job(working, location, "running")

        assert (await working.delete(location)).json()["status"] == "cancelled"

        replace_work(monkeypatch, lambda *_args, **_options: {})
        later = (await working.post(EVALUATIONS)).headers["location"]
        await until_job(working, later, "succeeded")  # the worker is free for other jobs
        assert (await working.get(location)).json()["status"] == "cancelled"

    async def test_cancel_evaluation_that_has_ended_is_refused(
        self, working: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        replace_work(monkeypatch, lambda *_args, **_options: {})
        location = (await working.post(EVALUATIONS)).headers["location"]
        await until_job(working, location, "succeeded")

        answer = await working.delete(location)

        assert answer.status_code == 409
        assert answer.json()["type"] == "urn:coldstart:problem:evaluation-finished"

    async def test_cancel_evaluation_that_is_unknown_is_not_found(self, client: httpx.AsyncClient) -> None:
        answer = await client.delete(f"{EVALUATIONS}/nothing")

        assert answer.status_code == 404
        assert answer.json()["type"] == "urn:coldstart:problem:evaluation-not-found"


class TestListEvaluations:
    async def test_list_evaluations_is_in_order_of_the_newest_first(self, client: httpx.AsyncClient) -> None:
        started = [(await client.post(EVALUATIONS)).json()["evaluation_id"] for _ in range(3)]

        first = (await client.get(EVALUATIONS, params={"limit": 2})).json()
        second = (await client.get(EVALUATIONS, params={"limit": 2, "cursor": first["next_cursor"]})).json()

        assert [job["evaluation_id"] for job in first["items"] + second["items"]] == started[::-1]


class TestShutdown:
    async def test_evaluation_at_shutdown_is_queued_and_done_after_the_restart(
        self, settings: Settings, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with_worker = settings.model_copy(update={"run_worker": True})
        replace_work(monkeypatch, work_until_stopped)
        async with connected(create_app(with_worker)) as client:
            location = (await client.post(EVALUATIONS)).headers["location"]
            job = await until_job(client, location, "running")
            assert job["started_at"] is not None

        replace_work(monkeypatch, lambda *_args, **_options: {"done": True})
        async with connected(create_app(with_worker)) as client:
            job = await until_job(client, location, "succeeded")
            assert job["report"] == {"done": True}
