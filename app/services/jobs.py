"""What all kinds of jobs have in common: starting, listing and cancelling them."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import ClassVar

from pydantic import BaseModel

from app.errors import NoActiveModelError
from app.job_errors import JobFinishedError, JobNotFoundError
from app.storage.current_versions import CurrentVersionsRepository
from app.storage.database import Database
from app.storage.jobs import JobRepository
from app.storage.model_versions import ModelVersionRepository
from app.storage.tables import Job, JobStatus, ModelVersion


class JobService:
    """The jobs of one kind. A subclass names the kind and starts jobs.

    Args:
        database: Where the jobs are.
        wake_worker: Makes the worker of this process, if it has one, look for a job now.
        data_dir: The data set that jobs read; by default the one that the model was trained on.
    """

    kind: ClassVar[str]
    not_found: ClassVar[type[JobNotFoundError]]
    finished: ClassVar[type[JobFinishedError]]

    def __init__(self, database: Database, wake_worker: Callable[[], None], data_dir: Path | None) -> None:
        self._database = database
        self._wake_worker = wake_worker
        self._data_dir = data_dir

    async def get(self, job_id: str) -> Job:
        """A job.

        Raises:
            JobNotFoundError: If there is none of this kind.
        """
        async with self._database.read() as session:
            job = await JobRepository(session).get(job_id)
        if job is None or job.kind != self.kind:
            raise self.not_found(job_id)
        return job

    async def page(self, *, after: str | None, limit: int) -> Sequence[Job]:
        """Jobs, newest first, after the job `after`."""
        async with self._database.read() as session:
            return await JobRepository(session).page(kind=self.kind, after=after, limit=limit)

    async def cancel(self, job_id: str) -> Job:
        """Cancel a job. Cancelling it again changes nothing.

        Raises:
            JobNotFoundError: If there is none of this kind.
            JobFinishedError: If it has succeeded or failed.
        """
        await self.get(job_id)
        async with self._database.write() as session:
            cancelled = await JobRepository(session).cancel(job_id)
        job = await self.get(job_id)
        if not cancelled and job.status != JobStatus.CANCELLED:
            raise self.finished(job.status)
        return job

    async def _submit(self, parameters: BaseModel) -> Job:
        """Submit a job to the workers."""
        async with self._database.write() as session:
            job = await JobRepository(session).add(kind=self.kind, parameters=parameters.model_dump(mode="json"))
        self._wake_worker()
        return job

    async def _active_model(self) -> ModelVersion:
        async with self._database.read() as session:
            active = (await CurrentVersionsRepository(session).current()).model_version
            model = None if active is None else await ModelVersionRepository(session).get(active)
        if model is None:
            raise NoActiveModelError
        return model
