"""The training job: trains a new version on the database and compares it with the active one."""

import logging
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from pydantic import BaseModel, ValidationError
from sqlalchemy.ext.asyncio import AsyncSession

from app.jobs.job_function import Conclusion
from app.jobs.stored_dataset import load_stored_dataset
from app.settings import Settings
from app.storage.current_versions import CurrentVersionsRepository
from app.storage.items import ItemRepository
from app.storage.model_versions import ModelVersionRepository
from app.storage.tables import ModelVersion
from models.artifact import (
    MANIFEST,
    ArtifactError,
    ArtifactFormatError,
    TrainedModel,
    load_artifact,
    load_research_model,
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
from models.training.checkpoint import CheckpointError
from models.training.engine import LOCAL_ENGINE, TrainingEngine
from models.training.observer import TrainingObserver
from models.training.preset import Preset, load_preset, preset_names

logger = logging.getLogger(__name__)

KIND = "training"

SPLIT = SplitConfig(by_id=True, new_users=0.2, new_items=0.0, test_ratings=0)
"""The research models' split: a fifth of the users is held out, always the same ones."""

LEAST_USERS = 100
"""The least number of users with two ratings or more, or without ratings as many interactions. A fifth of them are held
out for the comparison."""

_STANDARD_PRESET = "coldstart"

_TRAINED = 0.9
"""The progress at which training has ended and the comparison begins."""

_PHASES = 4
"""The research model and its choice model are trained, and then the served model and its choice model."""


class TrainingParameters(BaseModel):
    """The parameters of a training job.

    Attributes:
        model_version: The active version. The new version has its schema, and is compared with it.
        model_path: Where its artifact is.
        preset: What to train.
        data_path: A data set to train on in addition to the database.
        malformed: What to do with malformed rows of the data set.
        activate: Whether to activate the new version if it is better.
        stored: Ratings and interactions in the database when the training was asked for.
    """

    model_version: str
    model_path: Path
    preset: Preset
    data_path: Path | None
    malformed: Literal["refuse", "skip"] = "skip"
    activate: bool
    stored: int = 0


class TrainingReport(BaseModel):
    """The result of a training.

    Attributes:
        model_version: The new version, registered.
        training_ratings: Ratings trained on, interactions included.
        training_users: Users trained on.
        training_items: Items with a training rating.
        validation_mae: Mean absolute error of the research twin on the validation users; None without ratings.
        comparison: With the version that was active when the training was asked for; None if that one has the
            artifact format of another release.
        activated: Whether the new version is active now.
        reason: Why it is or is not.
    """

    model_version: str
    training_ratings: int
    training_users: int
    training_items: int
    validation_mae: float | None
    comparison: Comparison | None
    activated: bool
    reason: str


@dataclass(frozen=True)
class Trained:
    """A finished training whose version is not registered yet.

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
        """Register the version with its metrics. Activate it if that was requested and it is better."""
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
        await ItemRepository(session).save_training_counts(self.model.training_counts)
        activated, reason = await self._activate(session)
        return TrainingReport(
            model_version=self.model.version,
            training_ratings=manifest.data.training_ratings,
            training_users=manifest.data.training_users,
            training_items=manifest.data.training_items,
            validation_mae=manifest.metrics.get("validation_mae"),
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
            return False, "Activation was not requested."
        if self.comparison is not None and not self.comparison.better:
            return False, verdict
        if not await CurrentVersionsRepository(session).activate(self.model.version, instead_of=active):
            return False, "Another version was activated meanwhile, and the new version was not compared with it."
        await ModelVersionRepository(session).mark_activated(self.model.version)
        return True, verdict


def preset_of(model: ModelVersion) -> Preset:
    """A version's preset. Of one that an older release trained, the preset of the same name, or the standard one."""
    stored = model.manifest["preset"]
    try:
        return Preset.model_validate(stored)
    except ValidationError:
        name = stored["name"] if stored["name"] in preset_names() else _STANDARD_PRESET
        logger.warning("This release cannot read the preset of %s; it trains the preset %s.", model.id, name)
        return load_preset(name)


def artifacts_dir(settings: Settings) -> Path:
    """The directory of training jobs' artifacts, which has a directory for each job id."""
    return settings.state_dir / "trained"


def data_of(output: Path) -> Path:
    """Where a training keeps the data that it reads, until it ends."""
    return output.with_name(f"{output.name}.data")


def jobs_in(directory: Path) -> set[str]:
    """The ids of the jobs that have files in a directory of artifacts."""
    return {path.name.partition(".")[0] for path in directory.glob("[!.]*")} if directory.exists() else set()


def remove_leftovers(artifact: Path) -> None:
    """Delete the files of a training that will not be continued."""
    for path in (*artifact.parent.glob(f"{artifact.name}*"), *artifact.parent.glob(f".{artifact.name}-*")):
        shutil.rmtree(path, ignore_errors=True)  # another worker may delete them at the same time


def run_training(
    parameters: dict[str, Any], *, job_id: str, settings: Settings, progress: Callable[[float], None]
) -> Conclusion:
    """Train on the database; see `train_on_stored_dataset`.

    Returns:
        A function that registers the new version in the transaction that ends the job, so that a cancelled or failed
        job registers nothing. It returns `TrainingReport` as JSON.
    """
    given = TrainingParameters.model_validate(parameters)
    output = artifacts_dir(settings) / job_id
    resumes = checkpoint_of(output).exists()
    try:
        trained = train_on_stored_dataset(
            given, output, settings=settings, observer=_ProgressOf(progress), progress=progress
        )
    except CheckpointError:
        if not resumes:
            raise
        remove_leftovers(output)  # another release wrote the checkpoint, so its training cannot be continued
        trained = train_on_stored_dataset(
            given, output, settings=settings, observer=_ProgressOf(progress), progress=progress
        )

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
    engine: TrainingEngine = LOCAL_ENGINE,
) -> Trained:
    """Train on the database, and compare the new version with the active one.

    Their research models are compared, on users that neither has seen. The new version itself is trained on all data.

    The data is read once and kept beside the output until the end. So an interrupted training that is started again
    continues from its last checkpoint with the same data.

    Args:
        parameters: The parameters of the training.
        output: Directory of the artifact to write.
        settings: For the database and the device.
        observer: Observes the training.
        progress: Called with the share that is done before and after training. An exception from it stops the work.
        engine: Where to train.

    Raises:
        ArtifactError: The active version cannot be loaded, or the output cannot be written.
        DataError: There are too few ratings to train on, or the data set cannot be read.
        DatabaseUnavailableError: The database cannot be reached.
        CheckpointError: The interrupted training had other parameters.
    """
    if output.resolve() == parameters.model_path.resolve():
        raise ArtifactError(f"{output}: holds the active version; choose another directory")
    active = _active_model(parameters, settings)
    schema = read_schema(parameters.model_path) if active is None else active.schema
    data = data_of(output)
    dataset = _dataset(parameters, schema, data, settings, lambda: progress(0.0))
    new = _trained(parameters, dataset, output, settings, observer, engine)
    comparison = None
    if active is not None:
        research = load_research_model(output, device=settings.device)
        comparison = compare(
            research, active, dataset, progress=lambda share: progress(_TRAINED + share * (1 - _TRAINED))
        )
    shutil.rmtree(data)
    return Trained(new, output, comparison, parameters)


class _ProgressOf(TrainingObserver):
    """Reports the share of a job that is done while it trains. Early stopping skips the rest of a phase."""

    def __init__(self, progress: Callable[[float], None]) -> None:
        self._progress = progress
        self._phases_begun = 0
        self._epochs = 0

    def phase_begun(self, phase: str, *, epochs: int) -> None:  # noqa: ARG002 - all phases have the same share
        """Go on with the next phase."""
        self._phases_begun += 1
        self._epochs = epochs

    def batch_done(self, *, epoch: int, users_done: int, users_total: int) -> None:
        """Report a global update."""
        done_of_phase = (epoch - 1 + users_done / users_total) / self._epochs
        self._progress(_TRAINED * (self._phases_begun - 1 + done_of_phase) / _PHASES)


def _active_model(parameters: TrainingParameters, settings: Settings) -> TrainedModel | None:
    """The research model of the active version; None if its artifact has the format of another release."""
    try:
        active = load_research_model(parameters.model_path, device=settings.device)
    except ArtifactFormatError as error:
        logger.warning("The new version is not compared with the active one: %s", error)
        return None
    if active.served_version != parameters.model_version:
        raise ArtifactError(f"{parameters.model_path}: holds {active.served_version}, not {parameters.model_version}")
    return active


def _dataset(
    parameters: TrainingParameters,
    schema: DatasetSchema,
    data: Path,
    settings: Settings,
    batch_read: Callable[[], None],
) -> Dataset:
    """The data that an interrupted training has kept, or else the present data, which are kept."""
    if data.exists():
        return load_dataset(data)
    older = None
    if parameters.data_path is not None:
        older, rows = read_dataset(parameters.data_path, schema=schema, malformed=parameters.malformed)
        if rows:
            logger.warning("%s: %d malformed rows are left out.\n%s", parameters.data_path, len(rows), rows.summary())
        for remark in older.remarks:
            if remark.is_warning:
                logger.warning("%s: %s", parameters.data_path, remark.text)
    dataset = load_stored_dataset(settings, schema, older=older, batch_read=batch_read)
    # A learner needs ratings. The choice model alone needs interactions, and takes ratings as well.
    if parameters.preset.learner is None:
        what, counts = "interactions", np.diff(dataset.ratings.offsets)
    else:
        what, counts = "ratings", np.bincount(dataset.ratings.users[dataset.ratings.rated])
    users = int((counts >= 2).sum())
    if users < LEAST_USERS:
        raise DataError(
            f"{users} users have two {what} or more, but training needs {LEAST_USERS}: collect more {what}, "
            "or train on a data set as well (--data; over the API with_data_set)"
        )
    save_dataset(dataset, data)
    return dataset


def _trained(
    parameters: TrainingParameters,
    dataset: Dataset,
    output: Path,
    settings: Settings,
    observer: TrainingObserver,
    engine: TrainingEngine,
) -> TrainedModel:
    if (output / MANIFEST).exists() and not checkpoint_of(output).exists():
        # There is a complete artifact. If it is of this training, the training was interrupted after its end.
        manifest = verify_artifact(output)
        wanted = (dataset.fingerprint, parameters.preset, SPLIT)
        if (manifest.data.fingerprint, manifest.preset, manifest.research_split) == wanted:
            return load_artifact(output, device=settings.device)
    return train(
        dataset,
        parameters.preset,
        output,
        data_path=parameters.data_path,
        split_config=SPLIT,
        device=settings.device,
        observer=observer,
        engine=engine,
    )
