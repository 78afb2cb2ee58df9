"""Workers: within the server, or as a process of their own."""

import asyncio

from huey.consumer import Consumer

from app.jobs.queue import JobQueue
from app.jobs.runner import JobRunner
from app.settings import Settings
from app.storage.database import open_database
from app.storage.migrate import upgrade

_LONGEST_PAUSE_SECONDS = 1.0
_SHUTDOWN_SECONDS = 30


class _Worker(Consumer):  # type: ignore[misc]  # Huey publishes no types
    """Huey's consumer, which puts its job back in the queue when it is told to stop."""

    def __init__(self, queue: JobQueue, runner: JobRunner) -> None:
        super().__init__(
            queue.huey,
            workers=1,
            max_delay=_LONGEST_PAUSE_SECONDS,
            shutdown_timeout=_SHUTDOWN_SECONDS,
        )
        self._queue = queue
        self._runner = runner

    def start(self) -> None:
        """Start working, first of all on what a former worker has left."""
        self._runner.tidy()
        for job_id in self._runner.queued():
            self._queue.submit(job_id)
        super().start()

    def stop(self, graceful: bool = True) -> None:  # noqa: ARG002 - there is no other way to stop
        """Stop working, and wait until the work has stopped."""
        self._runner.stop()
        super().stop(graceful=True)


class EmbeddedWorker(_Worker):
    """A worker in a thread of the server, started and stopped with it."""

    def _set_signal_handlers(self) -> None:
        """The signals are the server's."""


def run_worker(settings: Settings) -> None:
    """Work off jobs until SIGINT or SIGTERM; then what is running goes back to the queue.

    Raises:
        DatabaseUnavailableError: If the database cannot be reached.
        QueueUnavailableError: If the queue cannot be reached.
    """
    asyncio.run(_migrate(settings))
    runner = JobRunner(settings)
    queue = JobQueue(settings, run=runner.run, tidy=runner.tidy)
    try:
        _Worker(queue, runner).run()
    finally:
        queue.close()


async def _migrate(settings: Settings) -> None:
    async with open_database(settings.database_url.get_secret_value()) as database:
        await upgrade(database)
