"""The training job: what the service has collected, a new version, and whether it is better than the active one."""

import logging
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from pydantic import BaseModel
from sqlalchemy.ext.asyncio import AsyncSession

from app.jobs.job_function import Conclusion
from app.jobs.stored_dataset import load_stored_dataset
from app.settings import Settings
from app.storage.current_versions import CurrentVersionsRepository
from app.storage.model_versions import ModelVersionRepository
from models.artifact import (
    MANIFEST,
    ArtifactError,
    ArtifactFormatError,
    TrainedModel,
    load_artifact,
    read_schema,
    verify_artifact,
)
from models.data.dataset import Dataset
from models.data.malformed import DataError
from models.data.reader import read_dataset
from models.data.saved import load_dataset, save_dataset
from models.data.schema import DatasetSchema
from models.data.splits import SplitConfig
from models.evaluation.comparison import Comparison, compare
from models.train import checkpoint_of, train
from models.training.checkpoint import Checkpoint, CheckpointError
from models.training.preset import Preset
from models.training.trainer import EpochResult, TrainingObserver

logger = logging.getLogger(__name__)

KIND = "training"

SPLIT = SplitConfig(by_id=True, new_users=0.2, new_items=0.0, test_ratings=0)
"""A fifth of the users is held out, always the same ones; of everything else, all is trained on."""

LEAST_USERS = 100
"""Of users with two ratings or more: a fifth of them is as many as a comparison needs."""

_TRAINED = 0.9
"""The share of the progress at which training is done and comparing begins."""


class TrainingParameters(BaseModel):
    """All that a training needs to know.

    Attributes:
        model_version: The active version: its schema is trained under, and the new version compared with it.
        model_path: Where its artifact is.
        preset: What to train.
        data_path: A data set to train on beside what the service has collected.
        malformed: What to do with malformed rows of the data set.
        activate: Whether to activate the new version if it is better.
    """

    model_version: str
    model_path: Path
    preset: Preset
    data_path: Path | None
    malformed: Literal["refuse", "skip"] = "skip"
    activate: bool


class TrainingReport(BaseModel):
    """What came of a training.

    Attributes:
        model_version: The new version, registered.
        training_ratings: Ratings trained on.
        training_users: Users trained on.
        training_items: Items with a training rating.
        validation_mae: Of the users that training was stopped by.
        comparison: With the version that was active when the training was asked for; None if that one has the
            artifact format of another release.
        activated: Whether the new version is active now.
        reason: Why it is, or is not.
    """

    model_version: str
    training_ratings: int
    training_users: int
    training_items: int
    validation_mae: float
    comparison: Comparison | None
    activated: bool
    reason: str


@dataclass(frozen=True)
class Trained:
    """A finished training whose version nobody knows yet.

    Attributes:
        model: The new version.
        output: Where its artifact is.
        comparison: With the version that was active when the training was asked for; None if that one has the
            artifact format of another release.
        parameters: What was asked for.
    """

    model: TrainedModel
    output: Path
    comparison: Comparison | None
    parameters: TrainingParameters

    async def register(self, session: AsyncSession) -> TrainingReport:
        """Make the version known with its figures, and activate it if that was asked for and it is better."""
        manifest = self.model.manifest
        stored = manifest.model_dump(mode="json")
        if self.comparison is not None:
            stored["metrics"] |= {f"held_out_{name}": measure.new for name, measure in self.comparison.measures.items()}
        await ModelVersionRepository(session).register(
            version_id=self.model.version,
            path=str(self.output.resolve()),
            manifest=stored,
            created_at=manifest.created_at,
        )
        activated, reason = await self._activate(session)
        return TrainingReport(
            model_version=self.model.version,
            training_ratings=manifest.data.training_ratings,
            training_users=manifest.data.training_users,
            training_items=manifest.data.training_items,
            validation_mae=manifest.metrics["validation_mae"],
            comparison=self.comparison,
            activated=activated,
            reason=reason,
        )

    async def _activate(self, session: AsyncSession) -> tuple[bool, str]:
        active = self.parameters.model_version
        if self.comparison is None:
            verdict = f"{active} has the artifact format of another release and cannot be compared."
        else:
            verdict = self.comparison.verdict
        if not self.parameters.activate:
            return False, "Activating it was not asked for."
        if self.comparison is not None and not self.comparison.better:
            return False, verdict
        if not await CurrentVersionsRepository(session).activate(self.model.version, instead_of=active):
            return False, "Another version was activated meanwhile, with which it was not compared."
        await ModelVersionRepository(session).mark_activated(self.model.version)
        return True, verdict


def artifacts_dir(settings: Settings) -> Path:
    """Where the artifacts of training jobs are, each in a directory of its job's id."""
    return settings.state_dir / "trained"


def data_of(output: Path) -> Path:
    """Where the data are that a training reads, from its beginning to its end."""
    return output.with_name(f"{output.name}.data")


def jobs_in(directory: Path) -> set[str]:
    """The ids of the jobs of which something is in a directory of artifacts."""
    return {path.name.partition(".")[0] for path in directory.glob("[!.]*")} if directory.exists() else set()


def remove_leftovers(artifact: Path) -> None:
    """Delete all that a training has left behind that will not go on."""
    for path in (*artifact.parent.glob(f"{artifact.name}*"), *artifact.parent.glob(f".{artifact.name}-*")):
        shutil.rmtree(path, ignore_errors=True)  # another worker may tidy here, too


def run_training(
    parameters: dict[str, Any], *, job_id: str, settings: Settings, progress: Callable[[float], None]
) -> Conclusion:
    """Train on what the service has collected; see `train_on_stored_dataset`.

    Returns:
        What registers the new version at the job's very end, so that one that was cancelled or has failed never does,
        and says `TrainingReport` as JSON.
    """
    given = TrainingParameters.model_validate(parameters)
    output = artifacts_dir(settings) / job_id
    observer = _ProgressOf(given.preset.training.epochs, progress)
    resumes = Checkpoint.exists(checkpoint_of(output))
    try:
        trained = train_on_stored_dataset(given, output, settings=settings, observer=observer, progress=progress)
    except CheckpointError:
        if not resumes:
            raise
        remove_leftovers(output)  # of another release, whose training cannot go on
        trained = train_on_stored_dataset(given, output, settings=settings, observer=observer, progress=progress)

    async def conclude(session: AsyncSession) -> dict[str, Any]:
        return (await trained.register(session)).model_dump(mode="json")

    return conclude


def train_on_stored_dataset(
    parameters: TrainingParameters,
    output: Path,
    *,
    settings: Settings,
    observer: TrainingObserver,
    progress: Callable[[float], None],
) -> Trained:
    """Train on what the service has collected, and compare with the active version.

    The data are read once and stand beside the output until the end, so that an interrupted training, called
    again, goes on with the same data from its last checkpoint.

    Args:
        parameters: What to train.
        output: Directory of the artifact to write.
        settings: Where the database is, and where to compute.
        observer: Told how training goes.
        progress: Told the share that is done while training does not go on; what it raises stops the work.

    Raises:
        ArtifactError: The active version cannot be loaded, or the output not be written.
        DataError: There are too few ratings to train on, or the data set cannot be read.
        DatabaseUnavailableError: The database cannot be reached.
        CheckpointError: What was interrupted had other parameters.
    """
    if output.resolve() == parameters.model_path.resolve():
        raise ArtifactError(f"{output}: holds the active version; choose another directory")
    active = _active_model(parameters, settings)
    schema = read_schema(parameters.model_path) if active is None else active.schema
    data = data_of(output)
    dataset = _dataset(parameters, schema, data, settings, lambda: progress(0.0))
    new = _trained(parameters, dataset, output, settings, observer)
    comparison = None
    if active is not None:
        comparison = compare(new, active, dataset, progress=lambda share: progress(_TRAINED + share * (1 - _TRAINED)))
    shutil.rmtree(data)
    return Trained(new, output, comparison, parameters)


class _ProgressOf:
    """The share of a job that is done while it trains; early stopping jumps over the rest."""

    def __init__(self, epochs: int, progress: Callable[[float], None]) -> None:
        self._epochs = epochs
        self._progress = progress

    def batch_done(self, *, epoch: int, users_done: int, users_total: int) -> None:
        """A global update was made."""
        self._progress(_TRAINED * (epoch - 1 + users_done / users_total) / self._epochs)

    def epoch_done(self, result: EpochResult) -> None:
        """An epoch and its validation are over."""


def _active_model(parameters: TrainingParameters, settings: Settings) -> TrainedModel | None:
    """The active version; None if its artifact has the format of another release."""
    try:
        active = load_artifact(parameters.model_path, device=settings.device)
    except ArtifactFormatError as error:
        logger.warning("The new version is not compared with the active one: %s", error)
        return None
    if active.version != parameters.model_version:
        raise ArtifactError(f"{parameters.model_path}: holds {active.version}, not {parameters.model_version}")
    return active


def _dataset(
    parameters: TrainingParameters,
    schema: DatasetSchema,
    data: Path,
    settings: Settings,
    batch_read: Callable[[], None],
) -> Dataset:
    """The data that an interrupted training has kept, or those of now, which are kept."""
    if data.exists():
        return load_dataset(data)
    older = None
    if parameters.data_path is not None:
        older, rows = read_dataset(parameters.data_path, schema=schema, malformed=parameters.malformed)
        if rows:
            logger.warning("%s: %d malformed rows are left out.\n%s", parameters.data_path, len(rows), rows.summary())
    dataset = load_stored_dataset(settings, schema, older=older, batch_read=batch_read)
    users = int((np.diff(dataset.ratings.offsets) >= 2).sum())
    if users < LEAST_USERS:
        raise DataError(
            f"{users} users have two ratings or more, and training needs {LEAST_USERS} of them: collect more ratings, "
            "or train on a data set too (--data; over the API with_data_set)"
        )
    save_dataset(dataset, data)
    return dataset


def _trained(
    parameters: TrainingParameters, dataset: Dataset, output: Path, settings: Settings, observer: TrainingObserver
) -> TrainedModel:
    if (output / MANIFEST).exists() and not Checkpoint.exists(checkpoint_of(output)):
        # Unless it is another's, the training was interrupted behind its end.
        manifest = verify_artifact(output)
        wanted = (dataset.fingerprint, parameters.preset, SPLIT)
        if (manifest.data.fingerprint, manifest.preset, manifest.split) == wanted:
            return load_artifact(output, device=settings.device)
    return train(
        dataset,
        parameters.preset,
        output,
        data_path=parameters.data_path,
        split_config=SPLIT,
        device=settings.device,
        observer=observer,
    )
