"""The list export job: ranks for all stored users and writes their lists to a Parquet file."""

import asyncio
import shutil
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from app.jobs.job_function import Report
from app.lists.export import Exported, ExportOptions, ExportPlan, ListExport, parts_of
from app.lists.export_observer import ExportObserver
from app.lists.stored_catalogue import read_catalogue
from app.settings import Settings
from app.storage.database import open_database
from models.artifact import ArtifactError, TrainedModel, load_artifact

KIND = "list-export"


class ListExportParameters(BaseModel):
    """The parameters of a list export job.

    Attributes:
        model_version: The version that ranks.
        model_path: Where its artifact is.
        options: What the lists are to be like.
    """

    model_version: str
    model_path: Path
    options: ExportOptions


class ListExportReport(BaseModel):
    """The result of a list export.

    Attributes:
        users: Users for whom the service has ranked.
        rows: Rows of the file.
        bytes: Size of the file.
    """

    users: int
    rows: int
    bytes: int


def exports_dir(settings: Settings) -> Path:
    """The directory of the files of list export jobs."""
    return settings.state_dir / "list-exports"


def export_file(settings: Settings, job_id: str) -> Path:
    """The file of a job, once it has succeeded."""
    return exports_dir(settings) / f"{job_id}.parquet"


def remove_files(settings: Settings, job_id: str) -> None:
    """Delete the file and the parts of a job. Another worker may do so at the same time."""
    file = export_file(settings, job_id)
    file.unlink(missing_ok=True)
    shutil.rmtree(parts_of(file), ignore_errors=True)


def run_list_export(
    parameters: dict[str, Any], *, job_id: str, settings: Settings, progress: Callable[[float], None]
) -> Report:
    """Rank for all users. An interrupted job goes on with the users who are left.

    Args:
        parameters: `ListExportParameters` as JSON.
        job_id: Of the job.
        settings: For the database, the directory and the device.
        progress: Called with the share that is done. An exception from it stops the job.

    Returns:
        `ListExportReport` as JSON.

    Raises:
        ArtifactError: If the version cannot be loaded.
        DataError: If the file cannot be written.
        DatabaseUnavailableError: If the database cannot be reached.
    """
    given = ListExportParameters.model_validate(parameters)
    model = load_artifact(given.model_path, device=settings.device)
    if model.version != given.model_version:
        raise ArtifactError(f"{given.model_path}: holds {model.version}, not {given.model_version}")
    output = export_file(settings, job_id)
    exported = asyncio.run(_export(given.options, output, model, settings, _ShareOf(progress)))
    report = ListExportReport(users=exported.users, rows=exported.rows, bytes=output.stat().st_size)
    return report.model_dump(mode="json")


async def _export(
    options: ExportOptions, output: Path, model: TrainedModel, settings: Settings, observer: ExportObserver
) -> Exported:
    async with open_database(settings.database_url.get_secret_value()) as database:
        async with database.read() as session:
            stored = await read_catalogue(session, model.version)
        plan = ExportPlan(options=options, model_version=model.version, catalogue=stored.versions.catalogue)
        half_life = timedelta(hours=settings.shown_half_life_hours)
        return await ListExport(plan, output).run(
            database, stored.recommender(model), half_life=half_life, observer=observer
        )


class _ShareOf(ExportObserver):
    """Reports the share of the users that are ranked."""

    def __init__(self, progress: Callable[[float], None]) -> None:
        self._progress = progress
        self._done = self._users = 0

    def begun(self, *, users_before: int, users: int, discarded: bool) -> None:  # noqa: ARG002 - nobody is told
        """Start from what an interrupted job has left."""
        self._done, self._users = users_before, users
        self._report()

    def ranked(self, users: int) -> None:
        """Report more users. Some may have been added since the count."""
        self._done += users
        self._report()

    def _report(self) -> None:
        self._progress(min(1.0, self._done / max(self._users, 1)))
