"""Server, training and artifacts on a full disk."""

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from app.settings import Settings
from models.artifact import ArtifactError, TrainedModel, load_artifact, load_research_model, save_artifact
from tests.artifacts import parts_of
from tests.integration.faults.disks import full, small_disk
from tests.integration.running import ROOT, server

RATINGS = {"ratings": [{"item_id": "i1", "rating": 5}]}


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A disk that can be filled."""
    with small_disk(tmp_path / "disk") as directory:
        yield directory


def save_error(model: TrainedModel, directory: Path) -> str | None:
    """Save an artifact that has a research twin; returns the error message, or None on success."""
    try:
        save_artifact(directory, parts_of(model), research=parts_of(model))
    except ArtifactError as error:
        return str(error)
    return None


@pytest.mark.parametrize("limit", ["disk", "file size"])
def test_saving_an_artifact_on_a_full_disk_keeps_the_former_one(
    disk: Path, tmp_path: Path, model_dir: Path, other_model_dir: Path, limit: str
) -> None:
    place = disk if limit == "disk" else tmp_path
    directory = place / "model"
    shutil.copytree(model_dir, directory)
    former, new = load_artifact(directory), load_artifact(other_model_dir)
    refusals = []
    for left in range(0, 2_000_000, 8192):  # more room each time until the artifact fits, so that every file fails once
        with full(place, left=left):
            refusal = save_error(new, directory)
        if refusal is None:
            break
        refusals.append(refusal)
        assert load_artifact(directory).version == former.version
        assert {path.name for path in place.iterdir()} <= {"model", "disk"}

    assert refusals
    for refusal in refusals:
        assert refusal.startswith(f"{directory}: cannot be written: ")
        assert "No space left" in refusal or "File too large" in refusal
    assert load_research_model(directory).version == new.version


def test_training_on_a_full_disk_says_why_and_keeps_the_former_artifact(
    disk: Path, model_dir: Path, dataset_dir: Path
) -> None:
    directory = disk / "model"
    shutil.copytree(model_dir, directory)
    command = ["-m", "app.cli", "train", "--data", str(dataset_dir), "--out", str(directory), "--epochs", "1"]
    with full(disk, left=65536):
        training = subprocess.run([sys.executable, *command], cwd=ROOT, stderr=subprocess.PIPE, text=True, check=False)

    assert training.returncode == 2
    *_progress, message = training.stderr.splitlines()
    assert message.startswith("error:")
    assert "Traceback" not in training.stderr
    assert "No space left" in message or "File too large" in message
    load_artifact(directory)


def test_server_on_a_full_disk_refuses_ratings_and_still_serves(disk: Path, model_dir: Path) -> None:
    settings = Settings(state_dir=disk, redis_url=None, model_dir=model_dir)
    with server(settings) as (process, address), httpx.Client(base_url=address, timeout=60) as client:
        assert client.post("/v1/users/ada/ratings", json=RATINGS).status_code == 200
        with full(disk, pid=process.pid):
            refused = client.post("/v1/users/bea/ratings", json=RATINGS)
            evaluation = client.post("/v1/evaluations")
            served = client.get("/v1/users/ada/recommendations")
            half = client.get("/v1/users/bea")
        again = client.post("/v1/users/bea/ratings", json=RATINGS)

        assert refused.status_code == evaluation.status_code == 503
        assert refused.json()["type"] == "urn:coldstart:problem:database-unavailable"
        assert len(served.json()["items"]) == 10
        assert half.status_code == 404
        assert again.status_code == 200
        assert [rating["item_id"] for rating in client.get("/v1/users/ada/ratings").json()["items"]] == ["i1"]
        assert client.get("/v1/evaluations").json()["items"] == []
