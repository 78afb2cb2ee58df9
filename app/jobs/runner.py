"""How a worker does a job: claims it, reports its progress, and stores how it ended."""

import asyncio
import logging
import threading
from collections.abc import Awaitable, Callable
from datetime import timedelta
from functools import partial

import anyio
from sqlalchemy.ext.asyncio import AsyncSession

from app.errors import DatabaseUnavailableError, ServiceError
from app.jobs import evaluation, list_export, training
from app.jobs.automatic_training import start_training_if_due
from app.jobs.job_function import Conclusion, JobFunction, Report
from app.jobs.retention import delete_old
from app.settings import Settings
from app.storage.database import Database
from app.storage.events import EventRepository
from app.storage.interactions import InteractionRepository
from app.storage.jobs import JobRepository
from app.storage.tables import Job
from models.artifact import ArtifactError
from models.data.malformed import DataError
from models.training.checkpoint import CheckpointError

logger = logging.getLogger(__name__)

_BEAT_SECONDS = 1.0
_ATTEMPTS = 3
"""How many workers a job may lose: one that kills them, by its need of memory say, must come to an end."""

_JOB_FUNCTIONS: dict[str, JobFunction] = {
    evaluation.KIND: evaluation.run_evaluation,
    training.KIND: training.run_training,
    list_export.KIND: list_export.run_list_export,
}


class _StoppedError(Exception):
    """Raised within the work to end it early."""


class _Progress:
    """What the thread that works and the loop that reports know of each other."""

    def __init__(self) -> None:
        self.share = 0.0
        self.stop = threading.Event()

    def advance(self, share: float) -> None:
        """Note the share that is done; raises _StoppedError if the work shall not go on."""
        self.share = share
        if self.stop.is_set():
            raise _StoppedError


class JobRunner:
    """Does jobs, one at a time, each in a thread.

    The database is asked every second whether a job is still wanted, so cancelling takes about as long, and the
    work itself never waits for the database.

    Args:
        settings: Of the service.
        database: Where the jobs are.

    Attributes:
        stopping: Set it to put the running job back in the queue, for the worker that comes next.
        tidy_seconds: How often `tidy` is to be called.
    """

    def __init__(self, settings: Settings, database: Database) -> None:
        self._settings = settings
        self._database = database
        self._silence = timedelta(seconds=settings.job_silence_seconds)
        self.tidy_seconds = settings.job_silence_seconds / 4
        self.stopping = asyncio.Event()

    async def run_next(self) -> bool:
        """Do the oldest job that waits; returns when it has ended, or was put back because of `stopping`.

        Returns:
            Whether there was a job.

        Raises:
            DatabaseUnavailableError: If the database cannot be reached before a job has begun, or while stopping.
        """
        async with self._database.write() as session:
            job = await JobRepository(session).claim_next()
        if job is None:
            return False
        await self._do(job)
        return True

    async def tidy(self) -> None:
        """Queue the jobs of dead workers again, and delete what jobs that will not go on have left here.

        Old files of list exports are deleted. If settings say so, old interactions and events are deleted, and a
        training is started.

        Raises:
            DatabaseUnavailableError: If the database cannot be reached.
        """
        await self._remove_leftovers()
        await self._remove_exports()
        await self._take_back()
        if (days := self._settings.interaction_retention_days) is not None:
            await delete_old(InteractionRepository, self._database, older_than=timedelta(days=days))
        if (days := self._settings.event_retention_days) is not None:
            await delete_old(EventRepository, self._database, older_than=timedelta(days=days))
        if (every := self._settings.train_every) is not None:
            await start_training_if_due(self._database, every=every, data_dir=self._settings.data_dir)

    async def _do(self, job: Job) -> None:
        progress = _Progress()
        work = asyncio.create_task(
            asyncio.to_thread(
                _JOB_FUNCTIONS[job.kind],
                job.parameters,
                job_id=job.id,
                settings=self._settings,
                progress=progress.advance,
            )
        )
        while not (await asyncio.wait([work], timeout=_BEAT_SECONDS))[0]:
            if self.stopping.is_set() or not await self._beat(job, progress.share):
                progress.stop.set()
        await self._write_down(_ending(job, work))

    async def _beat(self, job: Job, share: float) -> bool:
        """Report progress; False if the job is no longer wanted, or no longer from this worker."""
        try:
            async with self._database.write() as session:
                return await JobRepository(session).beat(job, share)
        except DatabaseUnavailableError:
            return True  # the work goes on; the next beat may get through

    async def _write_down(self, ending: Callable[[AsyncSession], Awaitable[None]]) -> None:
        """Store how a job has ended, as soon as the database takes it: the work must not be in vain."""
        while True:
            try:
                async with self._database.write() as session:
                    return await ending(session)
            except DatabaseUnavailableError:
                if self.stopping.is_set():
                    raise
                with anyio.move_on_after(_BEAT_SECONDS):
                    await self.stopping.wait()

    async def _take_back(self) -> None:
        async with self._database.write() as session:
            queued, failed = await JobRepository(session).take_back(
                silent_for=self._silence,
                attempts=_ATTEMPTS,
                reason=f"{_ATTEMPTS} workers died or fell silent before the job was done.",
            )
        for job_id in queued:
            logger.warning("The worker of job %s has died; the job waits for another.", job_id)
        for job_id in failed:
            logger.error("Job %s has failed: it lost its worker %d times.", job_id, _ATTEMPTS)

    async def _remove_leftovers(self) -> None:
        directory = training.artifacts_dir(self._settings)
        names = await asyncio.to_thread(training.jobs_in, directory)
        if not names:
            return
        async with self._database.read() as session:
            given_up = await JobRepository(session).given_up(names, ended_for=self._silence)
        for job_id in given_up:
            await asyncio.to_thread(training.remove_leftovers, directory / job_id)

    async def _remove_exports(self) -> None:
        """Delete list exports that will not go on, and those that are older than the retention."""
        names = await asyncio.to_thread(training.jobs_in, list_export.exports_dir(self._settings))
        if not names:
            return
        kept_for = timedelta(days=self._settings.list_export_retention_days)
        async with self._database.read() as session:
            jobs = JobRepository(session)
            given_up = await jobs.given_up(names, ended_for=self._silence)
            outdated = await jobs.succeeded(names, ended_for=kept_for)
        for job_id in {*given_up, *outdated}:
            await asyncio.to_thread(list_export.remove_files, self._settings, job_id)


def _ending(job: Job, work: asyncio.Task[Report | Conclusion]) -> Callable[[AsyncSession], Awaitable[None]]:
    """What to write down of a job whose work is finished."""
    match work.exception():
        case None:
            return partial(_succeed, job, work.result())
        case _StoppedError():
            return lambda session: JobRepository(session).release(job)  # which leaves a cancelled job cancelled
        case ArtifactError() | CheckpointError() | DataError() | ServiceError() as error:
            reason = str(error)
        case error:
            logger.error("Job %s failed.", job.id, exc_info=error)
            reason = "Something unexpected went wrong; the worker's log says more."
    return lambda session: JobRepository(session).fail(job, reason)


async def _succeed(job: Job, result: Report | Conclusion, session: AsyncSession) -> None:
    jobs = JobRepository(session)
    if await jobs.beat(job, 1.0):  # still wanted; from here on only this worker changes the job
        await jobs.succeed(job, await result(session) if callable(result) else result)
