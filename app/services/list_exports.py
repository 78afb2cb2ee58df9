"""List exports: lists for all stored users, as jobs or in this process."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import anyio

from app.job_errors import (
    ListExportFileGoneError,
    ListExportFinishedError,
    ListExportNotFoundError,
    ListExportNotSucceededError,
)
from app.jobs.list_export import KIND, ListExportParameters, export_file
from app.lists.export import Exported, ExportOptions, ExportPlan, ListExport
from app.lists.export_observer import ExportObserver
from app.lists.export_ranking import RankingHere, StartRanking
from app.services.filters import filter_errors
from app.services.jobs import JobService
from app.services.model_host import ModelHost
from app.services.model_traffic import ServedModel
from app.services.validation import raise_if_invalid, rank_by_errors
from app.settings import Settings
from app.storage.database import Database
from app.storage.tables import Job, JobStatus


class ListExportService(JobService):
    """Starts, shows and cancels list exports. All users are ranked by the active version.

    Args:
        database: Where users and jobs are.
        wake_worker: Makes the worker of this process, if it has one, look for a job now.
        host: Has the active version.
        settings: Of the service.
    """

    kind = KIND
    not_found = ListExportNotFoundError
    finished = ListExportFinishedError

    def __init__(
        self, database: Database, wake_worker: Callable[[], None], host: ModelHost, settings: Settings
    ) -> None:
        super().__init__(database, wake_worker, settings.data_dir)
        self._host = host
        self._settings = settings

    async def start(self, options: ExportOptions) -> Job:
        """Start an export as a job.

        Raises:
            InvalidRequestError: If a filter names a field or a value that items do not have, or the lists are to be
                ordered by ratings and the model predicts none.
            NoActiveModelError: If no model is being served.
        """
        await self._served(options)
        model = await self._active_model()
        return await self._submit(
            ListExportParameters(model_version=model.id, model_path=Path(model.path), options=options)
        )

    async def export(
        self, options: ExportOptions, output: Path, observer: ExportObserver, ranking: StartRanking = RankingHere
    ) -> Exported:
        """Export while this process waits, or go on with an interrupted export of the same kind into the same file.

        Args:
            options: What the lists are to be like.
            output: The Parquet file to write.
            observer: Observes the export.
            ranking: Where to rank.

        Raises:
            InvalidRequestError: As `start`.
            NoActiveModelError: If no model is being served.
            DatabaseUnavailableError: If the database cannot be reached.
            DataError: If the file cannot be written.
        """
        served = await self._served(options)
        plan = ExportPlan(options=options, model_version=served.model_version, catalogue=served.catalogue)
        half_life = timedelta(hours=self._settings.shown_half_life_hours)
        return await ListExport(plan, output).run(
            self._database, served.recommender, half_life=half_life, observer=observer, ranking=ranking
        )

    async def file(self, job_id: str) -> Path:
        """The file of an export.

        Raises:
            ListExportNotFoundError: If there is no such export.
            ListExportNotSucceededError: If it has no file.
            ListExportFileGoneError: If its file is no longer kept.
        """
        job = await self.get(job_id)
        if job.status != JobStatus.SUCCEEDED:
            raise ListExportNotSucceededError(job.status)
        file = export_file(self._settings, job_id)
        if not await anyio.Path(file).exists():
            raise ListExportFileGoneError(self._settings.list_export_retention_days)
        return file

    async def _served(self, options: ExportOptions) -> ServedModel:
        """The active version, after a check of the options."""
        served = await self._host.current()
        raise_if_invalid(
            await filter_errors(options.filters, served),
            rank_by_errors(options.rank_by, predicts_ratings=served.predicts_ratings),
        )
        return served
