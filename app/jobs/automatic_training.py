"""Automatic training: workers start a training when enough was added, if a setting says so."""

import logging
from pathlib import Path

from app.jobs.data_sets import data_set_of
from app.jobs.training import KIND, TrainingParameters, preset_of
from app.storage.current_versions import CurrentVersionsRepository
from app.storage.database import Database
from app.storage.jobs import JobRepository
from app.storage.model_versions import ModelVersionRepository
from app.storage.overview import stored_counts
from app.storage.tables import Job, JobStatus

logger = logging.getLogger(__name__)


async def start_training_if_due(database: Database, *, every: int, data_dir: Path | None) -> None:
    """Start a training if so many ratings and interactions were added since the last one was asked for.

    It trains the active version's preset on the database, and on the data set if there is one. The new version is
    activated if it is better. Nothing starts while another training waits or runs, or without an active version.

    Args:
        database: Of the service.
        every: How many ratings and interactions are enough.
        data_dir: The data set that jobs read; by default the one that the active version was trained on.

    Raises:
        DatabaseUnavailableError: The database cannot be reached.
    """
    async with database.read() as session:
        # Counting takes long in a large database, so no row is locked meanwhile.
        counts = await stored_counts(session)
    stored = counts.ratings + counts.interactions
    async with database.write() as session:
        versions = CurrentVersionsRepository(session)
        await versions.lock()  # two workers must not start two trainings
        jobs = JobRepository(session)
        last = next(iter(await jobs.page(kind=KIND, after=None, limit=1)), None)
        added = stored - _stored_at(last)
        if added < every or (last is not None and last.status in (JobStatus.QUEUED, JobStatus.RUNNING)):
            return
        active = (await versions.current()).model_version
        model = None if active is None else await ModelVersionRepository(session).get(active)
        if model is None:
            return
        parameters = TrainingParameters(
            model_version=model.id,
            model_path=Path(model.path),
            preset=preset_of(model),
            data_path=await data_set_of(model, data_dir),
            activate=True,
            stored=stored,
        )
        job = await jobs.add(kind=KIND, parameters=parameters.model_dump(mode="json"))
    logger.info("Training %s starts: %d ratings and interactions were added since the last one.", job.id, added)


def _stored_at(last: Job | None) -> int:
    """The ratings and interactions in the database when the last training was asked for."""
    return 0 if last is None else int(last.parameters.get("stored", 0))
