"""Offline evaluations: jobs that a worker does."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import anyio
from anyio import to_thread

from app.errors import (
    EvaluationDataMissingError,
    EvaluationFinishedError,
    EvaluationNotFoundError,
    EvaluationNotSucceededError,
    ModelVersionNotFoundError,
    NoActiveModelError,
    QueueUnavailableError,
)
from app.jobs.evaluation import KIND, EvaluationParameters
from app.jobs.queue import JobQueue
from app.storage.database import Database
from app.storage.jobs import JobRepository
from app.storage.model_versions import ModelVersionRepository
from app.storage.tables import Job, JobStatus, ModelVersion
from app.storage.versions import VersionsRepository
from models.evaluation import EvaluationConfig


class Evaluations:
    """Starts, shows and cancels evaluations.

    Args:
        database: Where the jobs are.
        queue: How workers learn of them.
        data_dir: The data set to evaluate on; by default the one that the model was trained on.
    """

    def __init__(self, database: Database, queue: JobQueue, data_dir: Path | None) -> None:
        self._database = database
        self._queue = queue
        self._data_dir = data_dir

    async def start(self, config: EvaluationConfig, *, model_version: str | None = None) -> Job:
        """Have a model version evaluated, the active one unless it is named.

        Raises:
            NoActiveModelError: If none is named and no version is active.
            ModelVersionNotFoundError: If the named version is not registered.
            EvaluationDataMissingError: If there are no data to evaluate on.
            QueueUnavailableError: If no worker could be told.
        """
        model = await (self._active_model() if model_version is None else self._registered(model_version))
        parameters = EvaluationParameters(
            model_version=model.id,
            model_path=Path(model.path),
            data_path=await self._data_path(model),
            config=config,
        )
        async with self._database.write() as session:
            job = await JobRepository(session).add(kind=KIND, parameters=parameters.model_dump(mode="json"))
        try:
            await to_thread.run_sync(self._queue.submit, job.id)
        except QueueUnavailableError as error:
            async with self._database.write() as session:
                await JobRepository(session).refuse(job.id, error.detail)
            raise
        return job

    async def get(self, job_id: str) -> Job:
        """An evaluation.

        Raises:
            EvaluationNotFoundError: If there is none.
        """
        async with self._database.read() as session:
            job = await JobRepository(session).get(job_id)
        if job is None or job.kind != KIND:
            raise EvaluationNotFoundError(job_id)
        return job

    async def report(self, job_id: str) -> dict[str, Any]:
        """An evaluation's report, `EvaluationReport` as JSON.

        Raises:
            EvaluationNotFoundError: If there is no such evaluation.
            EvaluationNotSucceededError: If it has no report, or not yet.
        """
        job = await self.get(job_id)
        if job.report is None:
            raise EvaluationNotSucceededError(job.status)
        return job.report

    async def page(self, *, after: str | None, limit: int) -> Sequence[Job]:
        """Evaluations from the newest on, from behind `after` on."""
        async with self._database.read() as session:
            return await JobRepository(session).page(kind=KIND, after=after, limit=limit)

    async def cancel(self, job_id: str) -> Job:
        """Cancel an evaluation; cancelling again changes nothing.

        Raises:
            EvaluationNotFoundError: If there is no such evaluation.
            EvaluationFinishedError: If it has succeeded or failed.
        """
        await self.get(job_id)
        async with self._database.write() as session:
            cancelled = await JobRepository(session).cancel(job_id)
        job = await self.get(job_id)
        if not cancelled and job.status != JobStatus.CANCELLED:
            raise EvaluationFinishedError(job.status)
        return job

    async def _active_model(self) -> ModelVersion:
        async with self._database.read() as session:
            active = (await VersionsRepository(session).current()).model_version
            model = None if active is None else await ModelVersionRepository(session).get(active)
        if model is None:
            raise NoActiveModelError
        return model

    async def _registered(self, version_id: str) -> ModelVersion:
        async with self._database.read() as session:
            model = await ModelVersionRepository(session).get(version_id)
        if model is None:
            raise ModelVersionNotFoundError(version_id)
        return model

    async def _data_path(self, model: ModelVersion) -> Path:
        path = self._data_dir or Path(model.manifest["data"]["path"])
        if not await anyio.Path(path).is_dir():
            raise EvaluationDataMissingError
        return path
