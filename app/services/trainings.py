"""Trainings on what the service has collected: jobs that a worker does."""

from pathlib import Path

from app.errors import TrainingDataMissingError, TrainingFinishedError, TrainingNotFoundError
from app.jobs.training import KIND, TrainingParameters
from app.services.jobs import JobService
from app.storage.tables import Job
from models.training.preset import Preset


class TrainingService(JobService):
    """Starts, shows and cancels trainings."""

    kind = KIND
    not_found = TrainingNotFoundError
    finished = TrainingFinishedError

    async def start(
        self, *, preset: Preset | None, epochs: int | None, seed: int | None, with_data_set: bool, activate: bool
    ) -> Job:
        """Have a new version trained and compared with the active one.

        Args:
            preset: What to train; by default what the active version is.
            epochs: Instead of the preset's.
            seed: Instead of the preset's.
            with_data_set: Whether to train on the service's data set, too.
            activate: Whether to activate the new version if it is better.

        Raises:
            NoActiveModelError: If no version is active.
            TrainingDataMissingError: If the data set that was asked for is not there.
            QueueUnavailableError: If no worker could be told.
        """
        data_path = await self._data_path(await self._active_model()) if with_data_set else None
        if with_data_set and data_path is None:
            raise TrainingDataMissingError
        return await self._submit(
            await self.parameters(preset=preset, epochs=epochs, seed=seed, data_path=data_path, activate=activate)
        )

    async def parameters(
        self, *, preset: Preset | None, epochs: int | None, seed: int | None, data_path: Path | None, activate: bool
    ) -> TrainingParameters:
        """What a training needs to know that starts now; see `start`.

        Raises:
            NoActiveModelError: If no version is active.
        """
        model = await self._active_model()
        chosen = preset or Preset.model_validate(model.manifest["preset"])
        return TrainingParameters(
            model_version=model.id,
            model_path=Path(model.path),
            preset=chosen.with_training(epochs=epochs, seed=seed),
            data_path=data_path,
            activate=activate,
        )
