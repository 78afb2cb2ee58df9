"""A service whose active version has the artifact format of an older release."""

import json
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from sqlalchemy import select

from app.main import create_app
from app.services.imports import DatasetImporter
from app.settings import Settings
from app.storage.database import Database
from app.storage.tables import ModelVersion
from models.artifact import FORMAT_VERSION, MANIFEST
from models.data.reader import read_dataset
from tests.integration.running import connected
from tests.waiting import until_async

# What the service does with an older artifact does not depend on the database.
pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.fixture
def settings(settings: Settings, model_dir: Path, tmp_path: Path) -> Settings:
    """The server does its jobs itself, and has its own copy of the artifact."""
    copy = shutil.copytree(model_dir, tmp_path / "model")
    return settings.model_copy(update={"model_dir": copy, "run_worker": True})


@pytest.fixture
async def version(settings: Settings, database: Database, dataset_dir: Path) -> str:
    """The active version, whose artifact has the format of an older release, over the data it was trained on."""
    async with connected(create_app(settings)) as client:
        version: str = (await client.get("/health/ready")).json()["checks"]["model"]
    dataset, _ = read_dataset(dataset_dir)
    importer = DatasetImporter(database)
    for store in (importer.items, importer.users, importer.ratings):
        await store(dataset, lambda _: None)
    assert settings.model_dir is not None
    path = settings.model_dir / MANIFEST
    manifest = json.loads(path.read_text(encoding="utf-8"))
    manifest["format_version"] = FORMAT_VERSION - 1
    manifest["preset"] = {"name": "tiny", "a_choice_of_the_older_release": 1}
    path.write_text(json.dumps(manifest), encoding="utf-8")
    async with database.write() as session:
        registered = (await session.scalars(select(ModelVersion))).one()
        registered.manifest = {**registered.manifest, "preset": manifest["preset"]}
    return version


@pytest.fixture
async def restarted(settings: Settings, version: str) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the service, started again with the older artifact."""
    del version  # the fixture only has to run first
    async with connected(create_app(settings)) as client:
        yield client


async def test_readiness_with_an_older_active_artifact_is_unavailable_and_says_why(
    restarted: httpx.AsyncClient, version: str
) -> None:
    answer = await restarted.get("/health/ready")

    assert answer.status_code == 503
    body = answer.json()
    assert (body["status"], body["missing"]) == ("unavailable", ["model"])
    assert body["checks"]["model"] == (
        f"{version} has format version {FORMAT_VERSION - 1}, but this release reads {FORMAT_VERSION}: "
        "train the model again with `coldstart train`"
    )
    assert (await restarted.get("/health/live")).status_code == 200


async def test_schema_of_an_older_active_artifact_is_served(restarted: httpx.AsyncClient, version: str) -> None:
    answer = await restarted.get("/v1/schema")

    assert answer.status_code == 200, answer.text
    schema = answer.json()
    assert schema["model_version"] == version
    assert schema["rating_scale"]["maximum"] == 5
    assert [field["name"] for field in schema["items"]["fields"]] == ["genre", "year"]


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/v1/recommendations", {}),
        ("GET", "/v1/candidates", None),
        ("POST", "/v1/users/ada/ratings", {"ratings": [{"item_id": "i0", "rating": 5}]}),
        ("GET", "/v1/users/u0/recommendations", None),
        ("PUT", "/v1/items/new", {"title": "New"}),
    ],
)
async def test_request_that_needs_the_model_is_answered_503_and_why(
    restarted: httpx.AsyncClient, version: str, method: str, path: str, body: object
) -> None:
    answer = await restarted.request(method, path, json=body)

    assert answer.status_code == 503
    problem = answer.json()
    assert problem["type"] == "urn:coldstart:problem:no-active-model"
    assert version in problem["detail"]
    assert "train the model again with `coldstart train`" in problem["detail"]


async def test_training_with_an_older_active_artifact_makes_the_service_ready(
    restarted: httpx.AsyncClient, version: str
) -> None:
    answer = await restarted.post("/v1/trainings", json={"epochs": 1, "activate": True})
    assert answer.status_code == 202, answer.text
    location = answer.headers["location"]

    async def has_ended() -> bool:
        return (await restarted.get(location)).json()["status"] in {"succeeded", "failed"}

    await until_async(has_ended)
    job = (await restarted.get(location)).json()
    assert job["error"] is None
    assert job["preset"] == "coldstart"  # the older release's preset cannot be read, and no preset is called tiny
    report = job["report"]
    assert (report["comparison"], report["activated"]) == (None, True)
    assert report["reason"] == f"{version} has the artifact format of another release and cannot be compared."

    async def is_ready() -> bool:
        return (await restarted.get("/health/ready")).status_code == 200

    await until_async(is_ready)
    answer = await restarted.post("/v1/recommendations", json={"ratings": [{"item_id": "i0", "rating": 5}]})
    assert answer.json()["model_version"] == report["model_version"]


async def test_training_that_may_not_activate_leaves_the_service_without_a_model(restarted: httpx.AsyncClient) -> None:
    location = (await restarted.post("/v1/trainings", json={"epochs": 1})).headers["location"]

    async def has_ended() -> bool:
        return (await restarted.get(location)).json()["status"] in {"succeeded", "failed"}

    await until_async(has_ended)
    report = (await restarted.get(location)).json()["report"]
    assert (report["activated"], report["reason"]) == (False, "Activation was not requested.")
    assert (await restarted.get("/health/ready")).status_code == 503
    activated = await restarted.post(f"/v1/model-versions/{report['model_version']}:activate")
    assert activated.status_code == 200, activated.text
    assert (await restarted.get("/health/ready")).status_code == 200
