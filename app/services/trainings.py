"""Trainings: jobs that train a new model version on the ratings in the database."""

from pathlib import Path

from app.job_errors import TrainingDataMissingError, TrainingFinishedError, TrainingNotFoundError
from app.jobs.data_sets import data_set_of
from app.jobs.training import KIND, TrainingParameters, preset_of
from app.services.jobs import JobService
from app.storage.overview import stored_counts
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
        """Start the training of a new version, which is compared with the active one.

        Args:
            preset: What to train; by default the active version's preset, or the standard one if this release cannot
                read that.
            epochs: Overrides the preset's epochs.
            seed: Overrides the preset's seed.
            with_data_set: Whether to train on the service's data set as well.
            activate: Whether to activate the new version if it is better.

        Raises:
            NoActiveModelError: If no version is active.
            TrainingDataMissingError: If there is no data set and one was requested.
        """
        data_path = await data_set_of(await self._active_model(), self._data_dir) if with_data_set else None
        if with_data_set and data_path is None:
            raise TrainingDataMissingError
        return await self._submit(
            await self.parameters(preset=preset, epochs=epochs, seed=seed, data_path=data_path, activate=activate)
        )

    async def parameters(
        self, *, preset: Preset | None, epochs: int | None, seed: int | None, data_path: Path | None, activate: bool
    ) -> TrainingParameters:
        """The parameters of a training that starts now; see `start`.

        Raises:
            NoActiveModelError: If no version is active.
        """
        model = await self._active_model()
        chosen = preset or preset_of(model)
        async with self._database.read() as session:
            counts = await stored_counts(session)
        return TrainingParameters(
            model_version=model.id,
            model_path=Path(model.path),
            preset=chosen.with_training(epochs=epochs, seed=seed),
            data_path=data_path,
            activate=activate,
            stored=counts.ratings + counts.interactions,
        )
