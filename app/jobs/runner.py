"""How a worker does a job: claims it, reports its progress, and ends it in the database."""

import asyncio
import logging
import threading
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from app.errors import DatabaseUnavailableError, ServiceError
from app.jobs import evaluation, training
from app.jobs.work import Conclusion, Report, Work
from app.settings import Settings
from app.storage.database import Database, open_database
from app.storage.jobs import JobRepository
from app.storage.tables import Job
from models.artifact import ArtifactError
from models.data.malformed import DataError
from models.meta.checkpoint import CheckpointError

logger = logging.getLogger(__name__)

_BEAT_SECONDS = 1.0
_ABANDONED_AFTER = timedelta(minutes=1)


_WORK: dict[str, Work] = {evaluation.KIND: evaluation.run_evaluation, training.KIND: training.run_training}


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
    """Does jobs, each with its own connections, in whichever thread it is called.

    The database is asked every second whether a job is still wanted, so cancelling takes about as long, and the
    work itself never waits for the database.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._url = settings.database_url.get_secret_value()
        self._stopping = threading.Event()

    def run(self, job_id: str) -> None:
        """Do a job if it is still queued; returns when it has ended, or was put back because of `stop`."""
        asyncio.run(self._run(job_id))

    def tidy(self) -> None:
        """Fail the jobs whose workers have died, and delete what trainings that will not go on have left here."""
        asyncio.run(self._tidy())

    def queued(self) -> Sequence[str]:
        """The jobs that wait, the oldest first."""
        return asyncio.run(self._queued())

    def stop(self) -> None:
        """Put what is running back in the queue, for the worker that comes next."""
        self._stopping.set()

    async def _run(self, job_id: str) -> None:
        async with open_database(self._url) as database:
            async with database.write() as session:
                job = await JobRepository(session).claim(job_id)
            if job is not None:
                await self._work_off(job, database)

    async def _work_off(self, job: Job, database: Database) -> None:
        progress = _Progress()
        work = asyncio.create_task(
            asyncio.to_thread(
                _WORK[job.kind],
                job.parameters,
                job_id=job.id,
                settings=self._settings,
                progress=progress.advance,
            )
        )
        while not (await asyncio.wait([work], timeout=_BEAT_SECONDS))[0]:
            if self._stopping.is_set() or not await _beat(database, job.id, progress.share):
                progress.stop.set()
        async with database.write() as session:
            await _end(job.id, work, session)

    async def _tidy(self) -> None:
        async with open_database(self._url) as database:
            await self._fail_abandoned(database)
            await self._remove_leftovers(database)

    async def _fail_abandoned(self, database: Database) -> None:
        async with database.write() as session:
            failed = await JobRepository(session).fail_abandoned(
                silent_for=_ABANDONED_AFTER, reason="Its worker died before the job was done."
            )
        for job_id in failed:
            logger.warning("The worker of job %s has died.", job_id)

    async def _remove_leftovers(self, database: Database) -> None:
        directory = training.artifacts_dir(self._settings)
        names = await asyncio.to_thread(training.jobs_in, directory)
        if not names:
            return
        async with database.read() as session:
            given_up = await JobRepository(session).given_up(names, before=datetime.now(UTC) - _ABANDONED_AFTER)
        for job_id in given_up:
            await asyncio.to_thread(training.remove_leftovers, directory / job_id)

    async def _queued(self) -> Sequence[str]:
        async with open_database(self._url) as database, database.read() as session:
            return await JobRepository(session).queued_ids()


async def _end(job_id: str, work: asyncio.Task[Report | Conclusion], session: AsyncSession) -> None:
    """Write down how the finished work has ended."""
    jobs = JobRepository(session)
    match work.exception():
        case None:
            if await jobs.beat(job_id, 1.0):  # still wanted, and from here on nobody else can change that
                result = work.result()
                await jobs.succeed(job_id, await result(session) if callable(result) else result)
        case _StoppedError():
            await jobs.release(job_id)  # which leaves a cancelled job cancelled
        case ArtifactError() | CheckpointError() | DataError() | ServiceError() as error:
            await jobs.fail(job_id, str(error))
        case error:
            logger.error("Job %s failed.", job_id, exc_info=error)
            await jobs.fail(job_id, "Something unexpected went wrong; the worker's log says more.")


async def _beat(database: Database, job_id: str, share: float) -> bool:
    """Report progress; False if the job is not wanted any more."""
    try:
        async with database.write() as session:
            return await JobRepository(session).beat(job_id, share)
    except DatabaseUnavailableError:
        return True  # the work goes on; the next beat may get through
