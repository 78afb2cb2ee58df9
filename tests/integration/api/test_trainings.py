"""Trainings over the API, from collected ratings to the served version."""

import asyncio
import shutil
import threading
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

from app.jobs import training
from app.jobs.runner import JobRunner
from app.main import create_app
from app.services.container import open_services
from app.services.imports import DatasetImporter
from app.settings import Settings
from app.storage.database import Database, open_database
from app.storage.tables import Base
from models.artifact import load_artifact
from models.data.reader import read_dataset
from models.data.splits import new_by_id
from models.train import train
from models.training.preset import Preset, load_preset
from tests.integration.running import connected
from tests.waiting import until_async, until_job

TRAININGS = "/v1/trainings"
NEW_USERS, NEW_ITEMS = 100, ("new1", "new2")

ON_SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
"""For tests of what does not depend on the database: trainings take long."""


@pytest.fixture(scope="session")
def bad_model_dir(dataset_dir: Path, tiny_preset: Preset, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that has learned almost nothing."""
    output = tmp_path_factory.mktemp("models") / "bad"
    training_config = tiny_preset.training.model_copy(update={"epochs": 1, "patience": 1, "learning_rate": 1e-6})
    preset = tiny_preset.model_copy(update={"name": "bad", "training": training_config})
    train(read_dataset(dataset_dir)[0], preset, output, data_path=dataset_dir, research_only=True)
    return output


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """Settings of a server with an embedded worker."""
    return settings.model_copy(update={"run_worker": True})


@pytest.fixture(autouse=True)
def _quick_presets(monkeypatch: pytest.MonkeyPatch, tiny_preset: Preset) -> None:
    """Every preset is as small as `tiny_preset`, and learns the ratings of the two tastes in a few epochs."""

    def quick(name: str) -> Preset:
        training = tiny_preset.training.model_copy(update={"learning_rate": 1e-2})
        return load_preset(name).model_copy(
            update={"learner": tiny_preset.learner, "choice": tiny_preset.choice, "training": training}
        )

    monkeypatch.setattr("app.api.trainings.load_preset", quick)
    monkeypatch.setattr("app.jobs.training.load_preset", quick)


@pytest.fixture
async def imported(database: Database, dataset_dir: Path) -> None:
    """The database contains the data that the models were trained on."""
    dataset, _ = read_dataset(dataset_dir)
    importing = DatasetImporter(database)
    for store in (importing.items, importing.users, importing.ratings):
        await store(dataset, lambda _: None)


async def collect(client: httpx.AsyncClient) -> None:
    """Add new items, and new users of both tastes who rate old and new items, over the API."""
    for item_id, genre in zip(NEW_ITEMS, ("comedy", "horror"), strict=True):
        answer = await client.put(f"/v1/items/{item_id}", json={"title": item_id, "attributes": {"genre": [genre]}})
        assert answer.is_success, answer.text
    generator = np.random.default_rng(1)

    async def rate(user: int, films: list[tuple[str, bool]]) -> None:
        merry = user % 2 == 1
        ratings = [
            {"item_id": item_id, "rating": 5 if comedy == merry else 1}
            for item_id, comedy in [*films, (NEW_ITEMS[0], True), (NEW_ITEMS[1], False)]
        ]
        answer = await client.post(f"/v1/users/new{user}/ratings", json={"ratings": ratings}, params={"n": 1})
        assert answer.is_success, answer.text

    seen = [[(f"i{film}", film % 2 == 1) for film in generator.permutation(40)[:10]] for _ in range(NEW_USERS)]
    await asyncio.gather(*(rate(user, films) for user, films in enumerate(seen)))


async def trained(client: httpx.AsyncClient, **body: object) -> dict[str, Any]:
    """Start a training, wait for its end, and return the job."""
    answer = await client.post(TRAININGS, json=body)
    assert answer.status_code == 202, answer.text
    return await until_job(client, answer.headers["location"], "succeeded", "failed")


def while_comparing(
    monkeypatch: pytest.MonkeyPatch, do: Callable[[], Coroutine[Any, Any, httpx.Response]]
) -> list[int]:
    """Make a request after the comparison of a training and before its end. The list gets the answers' statuses."""
    compare, loop = training.compare, asyncio.get_running_loop()
    statuses: list[int] = []

    def compare_and_do(*args: Any, **options: Any) -> Any:  # noqa: ANN401 - the arguments of `compare`
        found = compare(*args, **options)
        statuses.append(asyncio.run_coroutine_threadsafe(do(), loop).result(timeout=60).status_code)
        return found

    monkeypatch.setattr(training, "compare", compare_and_do)
    return statuses


async def serving(client: httpx.AsyncClient) -> str:
    version: str = (await client.post("/v1/recommendations", json={})).json()["model_version"]
    return version


@pytest.mark.usefixtures("imported")
class TestStartTraining:
    async def test_start_training_with_activate_and_a_better_version_activates_it(
        self, settings: Settings, bad_model_dir: Path
    ) -> None:
        async with connected(create_app(settings.model_copy(update={"model_dir": bad_model_dir}))) as client:
            former = await serving(client)
            await collect(client)
            body = {"preset": "melu", "epochs": 6, "seed": 3, "activate": True}
            answer = await client.post(TRAININGS, json=body)

            assert answer.status_code == 202
            job = answer.json()
            location = answer.headers["location"]
            assert location == f"{TRAININGS}/{job['training_id']}"
            assert (job["status"], job["preset"], job["model_version"]) == ("queued", "melu", former)
            assert (job["activate"], job["with_data_set"], job["report"]) == (True, False, None)

            job = await until_job(client, location, "succeeded", "failed")

            assert job["error"] is None
            assert job["progress"] == 1
            report = job["report"]
            comparison = report["comparison"]
            assert (comparison["new"], comparison["active"]) == (report["model_version"], former)
            assert comparison["measures"]["mae"]["difference"]["high"] < 0
            assert (comparison["better"], report["activated"]) == (True, True)
            assert report["reason"] == comparison["verdict"]

            async def is_served() -> bool:
                return await serving(client) == report["model_version"]

            await until_async(is_served)  # the server follows the worker's activation after a moment
            (listed,) = (await client.get(TRAININGS)).json()["items"]
            assert listed == {name: value for name, value in job.items() if name != "report"}

            new, old = (await client.get("/v1/model-versions")).json()["items"]
            assert (new["version"], new["active"]) == (report["model_version"], True)
            assert new["metrics"]["validation_mae"] == report["validation_mae"]
            assert new["metrics"]["held_out_mae"] == comparison["measures"]["mae"]["new"]
            assert new["training_users"] == report["training_users"]
            assert (old["version"], old["active"]) == (former, False)

    async def test_start_training_after_new_users_and_items_trains_on_them(
        self, client: httpx.AsyncClient, settings: Settings
    ) -> None:
        await collect(client)

        job = await trained(client, epochs=1)

        model = load_artifact(settings.state_dir / "trained" / job["training_id"])
        all_users = [f"u{user}" for user in range(120)] + [f"new{user}" for user in range(NEW_USERS)]
        is_held_out = new_by_id(all_users, training.SPLIT)
        known = len(all_users) - int(is_held_out.sum())
        assert model.manifest.data.training_users == len(all_users)
        assert model.manifest.research_twin.data.training_users == known - max(1, round(0.05 * known))
        counts = dict(model.statistics.select("id", "rating_count").iter_rows())
        assert [counts[item_id] for item_id in NEW_ITEMS] == [NEW_USERS, NEW_USERS]
        assert model.manifest.preset.name == "tiny"
        assert model.manifest.data_schema == load_artifact(settings.model_dir or Path()).schema

    @ON_SQLITE
    async def test_start_training_with_activate_and_a_worse_version_only_registers_it(
        self, client: httpx.AsyncClient
    ) -> None:
        former = await serving(client)
        await collect(client)

        job = await trained(client, preset="melu", epochs=1, activate=True)

        report = job["report"]
        assert report["comparison"]["measures"]["mae"]["difference"]["high"] >= 0
        assert (report["comparison"]["better"], report["activated"]) == (False, False)
        assert "not shown to be better: MAE " in report["reason"]
        assert await serving(client) == former
        versions = (await client.get("/v1/model-versions")).json()["items"]
        assert [version["version"] for version in versions] == [report["model_version"], former]

    @ON_SQLITE
    async def test_start_training_without_activate_and_a_better_version_only_registers_it(
        self, settings: Settings, bad_model_dir: Path
    ) -> None:
        async with connected(create_app(settings.model_copy(update={"model_dir": bad_model_dir}))) as client:
            former = await serving(client)
            await collect(client)

            report = (await trained(client, preset="melu", epochs=6))["report"]

            assert (report["comparison"]["better"], report["activated"]) == (True, False)
            assert await serving(client) == former

    @ON_SQLITE
    async def test_start_training_when_another_version_is_activated_meanwhile_keeps_that_one(
        self, settings: Settings, bad_model_dir: Path, other_model_dir: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        async with connected(create_app(settings.model_copy(update={"model_dir": bad_model_dir}))) as client:
            await collect(client)
            async with open_services(settings.model_copy(update={"run_worker": False})) as services:
                other = await services.model_versions.register(other_model_dir)
            activated = while_comparing(monkeypatch, lambda: client.post(f"/v1/model-versions/{other}:activate"))
            report = (await trained(client, preset="melu", epochs=6, activate=True))["report"]

            assert (report["comparison"]["better"], report["activated"]) == (True, False)
            assert activated == [200]
            assert "Another version was activated meanwhile" in report["reason"]
            assert await serving(client) == other

    async def test_start_training_with_data_set_trains_on_both(
        self, client: httpx.AsyncClient, database: Database
    ) -> None:
        async with database.write() as session:
            await session.execute(Base.metadata.tables["ratings"].delete())
        await collect(client)

        alone = await trained(client, epochs=1)
        both = await trained(client, epochs=1, with_data_set=True)

        assert both["with_data_set"]
        assert alone["report"]["training_ratings"] == 12 * NEW_USERS
        assert both["report"]["training_ratings"] == 2400 + 12 * NEW_USERS

    @ON_SQLITE
    async def test_start_evaluation_of_a_version_trained_on_the_database_uses_the_database(
        self, client: httpx.AsyncClient, settings: Settings, tmp_path: Path
    ) -> None:
        version = (await trained(client, epochs=1))["report"]["model_version"]
        body = {"model_version": version, "baselines": [], "bootstrap_resamples": 100}

        answer = await client.post("/v1/evaluations", json=body)
        job = await until_job(client, answer.headers["location"], "succeeded", "failed")

        assert job["error"] is None
        (note,) = job["report"]["notes"]
        assert note.startswith(f"{version} was trained on all ratings.")
        assert job["report"]["twin_of"] == version
        (listed,) = (await client.get("/v1/model-versions", params={"limit": 1})).json()["items"]
        assert (listed["version"], listed["research_twin"]) == (version, job["report"]["model_version"])
        new_users = new_by_id([f"u{user}" for user in range(120)], training.SPLIT).sum()
        assert [state["users"] for state in job["report"]["states"]] == [0, new_users, 0, 0]
        without_data = settings.model_copy(update={"data_dir": tmp_path / "without_data", "run_worker": False})
        async with connected(create_app(without_data)) as elsewhere:
            assert (await elsewhere.post("/v1/evaluations", json=body)).status_code == 409

    @ON_SQLITE
    async def test_start_training_leaves_only_the_artifact_on_the_disk(
        self, client: httpx.AsyncClient, settings: Settings
    ) -> None:
        job = await trained(client, epochs=1)

        assert [path.name for path in (settings.state_dir / "trained").iterdir()] == [job["training_id"]]


class TestRefusals:
    async def test_start_training_with_too_few_users_fails_and_says_why(
        self, client: httpx.AsyncClient, settings: Settings
    ) -> None:
        for user in range(3):
            ratings = [{"item_id": f"i{item}", "rating": 3} for item in range(2)]
            await client.post(f"/v1/users/{user}/ratings", json={"ratings": ratings})

        job = await trained(client)

        assert job["status"] == "failed"
        assert job["error"].startswith("3 users have two ratings or more, but training needs 100: ")
        assert "with_data_set" in job["error"]
        assert len((await client.get("/v1/model-versions")).json()["items"]) == 1
        assert not (settings.state_dir / "trained").exists()

    @pytest.mark.parametrize(
        ("body", "field"),
        [
            ({"preset": "best"}, "preset"),
            ({"preset": "../../secret.toml"}, "preset"),
            ({"epochs": 0}, "epochs"),
            ({"seed": -1}, "seed"),
            ({"epochs": "1"}, "epochs"),
            ({"activate": "yes"}, "activate"),
            ({"with_data_set": 1}, "with_data_set"),
            ({"speed": 1}, "speed"),
        ],
    )
    async def test_start_training_with_an_invalid_field_is_refused(
        self, client: httpx.AsyncClient, body: dict[str, Any], field: str
    ) -> None:
        answer = await client.post(TRAININGS, json=body)

        assert answer.status_code == 422
        assert [error["field"] for error in answer.json()["errors"]] == [field]
        assert (await client.get(TRAININGS)).json()["items"] == []

    async def test_start_training_with_a_missing_data_set_is_refused(self, settings: Settings, tmp_path: Path) -> None:
        without_data = settings.model_copy(update={"data_dir": tmp_path / "without_data"})
        async with connected(create_app(without_data)) as client:
            answer = await client.post(TRAININGS, json={"with_data_set": True})

        assert answer.status_code == 409
        assert answer.json()["type"] == "urn:coldstart:problem:training-data-missing"

    async def test_start_training_without_an_active_version_is_refused(self, settings: Settings) -> None:
        async with connected(create_app(settings.model_copy(update={"model_dir": None}))) as client:
            answer = await client.post(TRAININGS)

        assert answer.status_code == 503
        assert answer.json()["type"] == "urn:coldstart:problem:no-active-model"

    async def test_start_training_without_the_active_artifact_fails(
        self, settings: Settings, model_dir: Path, tmp_path: Path
    ) -> None:
        copy = shutil.copytree(model_dir, tmp_path / "copy")
        async with connected(create_app(settings.model_copy(update={"model_dir": copy}))) as client:
            await serving(client)
            shutil.rmtree(copy)

            job = await trained(client)

        assert job["status"] == "failed"
        assert "manifest.json" in job["error"]

    async def test_get_training_of_an_evaluation_is_not_found(self, client: httpx.AsyncClient) -> None:
        location = (await client.post("/v1/evaluations", json={"states": ["warm"]})).headers["location"]
        evaluation_id = location.rpartition("/")[2]

        for answer in (
            await client.get(f"{TRAININGS}/{evaluation_id}"),
            await client.delete(f"{TRAININGS}/{evaluation_id}"),
        ):
            assert answer.status_code == 404
            assert answer.json()["type"] == "urn:coldstart:problem:training-not-found"
        assert (await client.get(TRAININGS)).json()["items"] == []


class PausedTraining:
    """Makes trainings pause in their second epoch until `go_on`."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.epochs_begun: set[tuple[int, int]] = set()
        """The number of the phase, and the epoch."""
        self._second_epoch, self._may_go_on = threading.Event(), threading.Event()
        batch_done = training._ProgressOf.batch_done

        def paused(observer: training._ProgressOf, *, epoch: int, users_done: int, users_total: int) -> None:
            self.epochs_begun.add((observer._phases_begun, epoch))
            batch_done(observer, epoch=epoch, users_done=users_done, users_total=users_total)
            if epoch > 1:
                self._second_epoch.set()
                while not self._may_go_on.wait(0.01):
                    batch_done(observer, epoch=epoch, users_done=users_done, users_total=users_total)

        monkeypatch.setattr(training._ProgressOf, "batch_done", paused)

    async def second_epoch(self) -> None:
        assert await asyncio.to_thread(self._second_epoch.wait, 60)

    def go_on(self) -> None:
        self.epochs_begun.clear()
        self._may_go_on.set()


@pytest.mark.usefixtures("imported")
class TestInterruption:
    async def test_cancel_training_that_runs_leaves_no_artifact_and_no_version(
        self, client: httpx.AsyncClient, settings: Settings, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        paused = PausedTraining(monkeypatch)
        location = (await client.post(TRAININGS, json={"activate": True})).headers["location"]
        await paused.second_epoch()

        async def first_epoch_is_reported() -> bool:
            progress: float = (await client.get(location)).json()["progress"]
            assert progress < 0.075
            return progress > 0.025

        await until_async(first_epoch_is_reported)

        assert (await client.delete(location)).json()["status"] == "cancelled"

        paused.go_on()
        later = await trained(client, epochs=1)  # the worker is free for other jobs
        assert later["status"] == "succeeded"
        assert (await client.get(location)).json()["status"] == "cancelled"
        artifacts = settings.state_dir / "trained"
        assert {path.name for path in artifacts.iterdir()} > {later["training_id"]}
        at_once = settings.model_copy(update={"job_silence_seconds": 0.0})
        async with open_database(settings.database_url.get_secret_value()) as database:
            await JobRunner(at_once, database).tidy()
        assert [path.name for path in artifacts.iterdir()] == [later["training_id"]]
        assert len((await client.get("/v1/model-versions")).json()["items"]) == 2

    @ON_SQLITE
    async def test_cancel_training_after_the_comparison_registers_no_version(
        self, client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        cancelled = while_comparing(monkeypatch, lambda: client.delete(location))
        location = (await client.post(TRAININGS, json={"epochs": 1})).headers["location"]
        await until_job(client, location, "cancelled", "failed", "succeeded")
        await trained(client, epochs=2)  # the worker ends the cancelled training before this one

        assert cancelled[0] == 200
        assert (await client.get(location)).json()["status"] == "cancelled"
        assert len((await client.get("/v1/model-versions")).json()["items"]) == 2

    async def test_cancel_training_that_has_ended_is_refused(self, client: httpx.AsyncClient) -> None:
        job = await trained(client, epochs=1)

        answer = await client.delete(f"{TRAININGS}/{job['training_id']}")

        assert answer.status_code == 409
        assert answer.json()["type"] == "urn:coldstart:problem:training-finished"

    @ON_SQLITE
    async def test_training_of_a_stopped_worker_continues_with_the_same_data(
        self, settings: Settings, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        paused = PausedTraining(monkeypatch)
        async with connected(create_app(settings)) as client:
            location = (await client.post(TRAININGS)).headers["location"]
            await paused.second_epoch()
        async with connected(create_app(settings.model_copy(update={"run_worker": False}))) as client:
            assert (await client.get(location)).json()["status"] == "queued"
            await collect(client)  # only the next training uses this data

        paused.go_on()
        async with connected(create_app(settings)) as client:
            job = await until_job(client, location, "succeeded", "failed")
            report = job["report"]

            assert job["error"] is None
            assert min(paused.epochs_begun) == (1, 2)
            assert report["training_users"] == 120
            next_report = (await trained(client, epochs=1))["report"]
            assert next_report["training_users"] == 120 + NEW_USERS


class TestListTrainings:
    async def test_list_trainings_is_in_order_of_the_newest_first(self, settings: Settings) -> None:
        async with connected(create_app(settings.model_copy(update={"run_worker": False}))) as client:
            started = [(await client.post(TRAININGS)).json()["training_id"] for _ in range(3)]

            first = (await client.get(TRAININGS, params={"limit": 2})).json()
            second = (await client.get(TRAININGS, params={"limit": 2, "cursor": first["next_cursor"]})).json()

        assert [job["training_id"] for job in first["items"] + second["items"]] == started[::-1]
