"""A worker does the jobs that wait in the database: inside the server, or as a process of its own."""

import asyncio
import logging
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio

from app.errors import ServiceError
from app.jobs.runner import JobRunner
from app.settings import Settings
from app.storage.database import Database, open_database
from app.storage.migrate import upgrade
from models.training.threads import compute_in_one_thread

logger = logging.getLogger(__name__)

_POLL_SECONDS = 1.0
"""How often an idle worker asks the database for a job."""

_RETRY_SECONDS = 5.0
"""The pause after a failure of the database, which logs each attempt."""


class Worker:
    """Does one job after another, the oldest first, until it is stopped.

    It also looks after the jobs of all workers: see `JobRunner.tidy`. It does so at the same time, because a job may
    take hours.

    Args:
        settings: Of the service.
        database: Where the jobs are.
    """

    def __init__(self, settings: Settings, database: Database) -> None:
        self._runner = JobRunner(settings, database)
        self._woken = asyncio.Event()

    async def run(self) -> None:
        """Work until `stop` is called; the job that is running then goes back to the queue."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._tidy_regularly())
            await self._do_jobs()

    def wake(self) -> None:
        """Look for a job now, because one was added."""
        self._woken.set()

    def stop(self) -> None:
        """Make `run` return as soon as the running job has stopped."""
        self._runner.stopping.set()
        self._woken.set()

    async def _do_jobs(self) -> None:
        while not self._runner.stopping.is_set():
            self._woken.clear()  # before the database is asked, so that no call of `wake` is missed
            pause = _RETRY_SECONDS
            try:
                if await self._runner.run_next():
                    continue
                pause = _POLL_SECONDS
            except ServiceError as error:
                logger.warning("No job can be taken: %s", error)
            except Exception:  # the worker must outlive a fault in one job
                logger.exception("A job could not be done.")
            with anyio.move_on_after(pause):
                await self._woken.wait()

    async def _tidy_regularly(self) -> None:
        while not self._runner.stopping.is_set():
            try:
                await self._runner.tidy()
            except ServiceError as error:
                logger.warning("The jobs cannot be looked after: %s", error)
            except Exception:  # the next attempt may succeed
                logger.exception("The jobs cannot be looked after.")
            with anyio.move_on_after(self._runner.tidy_seconds):
                await self._runner.stopping.wait()


@asynccontextmanager
async def working(worker: Worker) -> AsyncIterator[None]:
    """Run a worker inside the server, until the block ends."""
    task = asyncio.create_task(worker.run())
    try:
        yield
    finally:
        worker.stop()
        await task


def run_worker(settings: Settings) -> None:
    """Run a worker until SIGINT or SIGTERM.

    Raises:
        DatabaseUnavailableError: If the database cannot be reached at the start.
    """
    compute_in_one_thread()
    asyncio.run(_run_worker(settings))


async def _run_worker(settings: Settings) -> None:
    async with open_database(settings.database_url.get_secret_value()) as database:
        await upgrade(database)
        worker = Worker(settings, database)
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, worker.stop)
        await worker.run()
