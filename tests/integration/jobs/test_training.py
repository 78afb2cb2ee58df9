"""Training jobs that are interrupted or refused."""

import asyncio
import json
from pathlib import Path

import pytest

from app.jobs import training
from app.jobs.training import Trained, TrainingParameters, run_training, train_on_stored_dataset
from app.services.imports import DatasetImporter
from app.settings import Settings
from app.storage.database import Database
from models.artifact import ArtifactError, load_artifact
from models.data.reader import read_dataset
from models.training.observer import TrainingObserver


class StopError(Exception):
    """Interrupts the work."""


@pytest.fixture
async def parameters(database: Database, dataset_dir: Path, model_dir: Path) -> TrainingParameters:
    """Two epochs of the active version's preset, on the two tastes in the database."""
    dataset, _ = read_dataset(dataset_dir)
    importing = DatasetImporter(database)
    for store in (importing.items, importing.users, importing.ratings):
        await store(dataset, lambda _: None)
    active = load_artifact(model_dir)
    return TrainingParameters(
        model_version=active.version,
        model_path=model_dir,
        preset=active.manifest.preset.with_training(epochs=2),
        data_path=None,
        activate=True,
    )


async def train(parameters: TrainingParameters, output: Path, settings: Settings) -> Trained:
    return await asyncio.to_thread(
        train_on_stored_dataset,
        parameters,
        output,
        settings=settings,
        observer=TrainingObserver(),
        progress=lambda _: None,
    )


def test_progress_of_a_training_rises_over_both_models() -> None:
    shares: list[float] = []
    observer = training._ProgressOf(shares.append)
    phases = ("research model", "choices of the research model", "served model", "choices of the served model")
    for phase, epochs in zip(phases, (2, 1, 1, 1), strict=True):
        observer.phase_begun(phase, epochs=epochs)
        for epoch in range(1, epochs + 1):
            observer.batch_done(epoch=epoch, users_done=10, users_total=10)
    assert shares == pytest.approx([0.1125, 0.225, 0.45, 0.675, 0.9])


async def test_training_interrupted_after_its_end_is_not_repeated(
    parameters: TrainingParameters, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_args: object, **_options: object) -> None:
        raise StopError

    output = settings.state_dir / "model"
    with monkeypatch.context() as patched:
        patched.setattr(training, "compare", interrupt)
        with pytest.raises(StopError):
            await train(parameters, output, settings)
    version = load_artifact(output).version

    monkeypatch.setattr(training, "train", interrupt)
    trained = await train(parameters, output, settings)

    assert trained.model.version == version
    assert trained.comparison.new == version
    assert [path.name for path in settings.state_dir.glob("model*")] == ["model"]


async def test_training_with_another_preset_in_the_same_directory_trains_again(
    parameters: TrainingParameters, settings: Settings, tmp_path: Path
) -> None:
    output = tmp_path / "model"
    first = await train(parameters, output, settings)
    other = parameters.model_copy(update={"preset": parameters.preset.with_training(seed=5)})

    second = await train(other, output, settings)

    assert second.model.manifest.preset.training.seed == 5
    assert second.model.version != first.model.version


async def test_training_with_a_checkpoint_of_another_release_starts_again(
    parameters: TrainingParameters, settings: Settings
) -> None:
    def interrupt(share: float) -> None:
        if share > 0.5:
            raise StopError

    async def run(progress: object) -> object:
        return await asyncio.to_thread(
            run_training, parameters.model_dump(mode="json"), job_id="job", settings=settings, progress=progress
        )

    with pytest.raises(StopError):
        await run(interrupt)
    state = settings.state_dir / "trained" / "job.checkpoint" / "research-model" / "checkpoint.json"
    checkpoint = json.loads(state.read_text(encoding="utf-8"))
    checkpoint["identity"]["split"].pop("by_id")
    state.write_text(json.dumps(checkpoint), encoding="utf-8")

    assert callable(await run(lambda _: None))
    assert [path.name for path in (settings.state_dir / "trained").iterdir()] == ["job"]


async def test_training_when_the_active_artifact_is_another_version_is_refused(
    parameters: TrainingParameters, settings: Settings, other_model_dir: Path, tmp_path: Path
) -> None:
    moved = parameters.model_copy(update={"model_path": other_model_dir})
    with pytest.raises(ArtifactError, match=f"not {parameters.model_version}"):
        await train(moved, tmp_path / "model", settings)


async def test_training_into_the_active_versions_directory_is_refused(
    parameters: TrainingParameters, settings: Settings, model_dir: Path
) -> None:
    with pytest.raises(ArtifactError, match="holds the active version"):
        await train(parameters, model_dir, settings)
