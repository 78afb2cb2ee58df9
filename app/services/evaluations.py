"""Evaluations: jobs that evaluate a model version offline."""

from pathlib import Path
from typing import Any

from app.errors import ModelVersionNotFoundError
from app.job_errors import (
    EvaluationDataMissingError,
    EvaluationFinishedError,
    EvaluationNotFoundError,
    EvaluationNotSucceededError,
)
from app.jobs.data_sets import data_set_of
from app.jobs.evaluation import KIND, EvaluationParameters
from app.services.jobs import JobService
from app.storage.model_versions import ModelVersionRepository
from app.storage.tables import Job, ModelVersion
from models.evaluation import EvaluationConfig


class EvaluationService(JobService):
    """Starts, shows and cancels evaluations."""

    kind = KIND
    not_found = EvaluationNotFoundError
    finished = EvaluationFinishedError

    async def start(self, config: EvaluationConfig, *, model_version: str | None = None) -> Job:
        """Start the evaluation of a model version; by default of the active one.

        A version that was trained on the database is evaluated on the database, unless there is a data set.

        Raises:
            NoActiveModelError: If no version is named and none is active.
            ModelVersionNotFoundError: If the named version is not registered.
            EvaluationDataMissingError: If there is no data to evaluate on.
        """
        model = await (self._active_model() if model_version is None else self._registered(model_version))
        data_path = await data_set_of(model, self._data_dir)
        if data_path is None and (self._data_dir or model.manifest["data"]["path"]) is not None:
            raise EvaluationDataMissingError
        return await self._submit(
            EvaluationParameters(
                model_version=model.id, model_path=Path(model.path), data_path=data_path, config=config
            )
        )

    async def report(self, job_id: str) -> dict[str, Any]:
        """An evaluation's report, `EvaluationReport` as JSON.

        Raises:
            EvaluationNotFoundError: If there is no such evaluation.
            EvaluationNotSucceededError: If it has no report.
        """
        job = await self.get(job_id)
        if job.report is None:
            raise EvaluationNotSucceededError(job.status)
        return job.report

    async def _registered(self, version_id: str) -> ModelVersion:
        async with self._database.read() as session:
            model = await ModelVersionRepository(session).get(version_id)
        if model is None:
            raise ModelVersionNotFoundError(version_id)
        return model
