"""Workers: within the server, or as a process of their own."""

import asyncio
import logging
import threading
import time

from huey.consumer import Consumer

from app.errors import ServiceError
from app.jobs.queue import OUTAGES, JobQueue
from app.jobs.runner import JobRunner
from app.settings import Settings
from app.storage.database import open_database
from app.storage.migrate import upgrade

logger = logging.getLogger(__name__)

_LONGEST_PAUSE_SECONDS = 1.0
_SHUTDOWN_SECONDS = 30
_OUTAGE_LOGGED_EVERY_SECONDS = 60.0


class _Outages(logging.Filter):
    """Has Huey say in one line a minute that the queue fails, instead of showing a traceback at every attempt."""

    def __init__(self) -> None:
        super().__init__()
        self._next = 0.0

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether to log it."""
        error = record.exc_info[1] if record.exc_info else None
        if not isinstance(error, OUTAGES):
            return True
        if time.monotonic() < self._next:
            return False
        self._next = time.monotonic() + _OUTAGE_LOGGED_EVERY_SECONDS
        record.msg, record.args, record.exc_info = f"The queue fails ({type(error).__name__}).", (), None
        return True


_OUTAGES = _Outages()
for _loops in ("Worker", "Scheduler"):
    logging.getLogger(f"huey.consumer.{_loops}").addFilter(_OUTAGES)


class _Worker(Consumer):  # type: ignore[misc]  # Huey publishes no types
    """Huey's consumer, which puts its job back in the queue when it is told to stop.

    Beside its work it looks after the jobs of all workers: those of dead workers are begun anew, and those that the
    queue has lost are enqueued again. It does so in a thread of its own, because the work may take hours.
    """

    def __init__(self, queue: JobQueue, runner: JobRunner) -> None:
        super().__init__(
            queue.huey,
            workers=1,
            periodic=False,
            max_delay=_LONGEST_PAUSE_SECONDS,
            shutdown_timeout=_SHUTDOWN_SECONDS,
        )
        self._queue = queue
        self._runner = runner
        self._tidying = threading.Thread(target=self._tidy_regularly, name="Tidying", daemon=True)

    def start(self) -> None:
        """Start working, also on what a former worker has left."""
        super().start()
        self._tidying.start()

    def stop(self, graceful: bool = True) -> None:  # noqa: ARG002 - there is no other way to stop
        """Stop working, and wait until the work has stopped."""
        self._runner.stop()
        super().stop(graceful=True)
        self._tidying.join(_SHUTDOWN_SECONDS)

    def _tidy_regularly(self) -> None:
        while True:
            try:
                self._queue.refill(self._runner.tidy())
            except ServiceError as error:
                logger.warning("The jobs cannot be looked after: %s", error)
            except Exception:  # a fault must not be the last that is done for them
                logger.exception("The jobs cannot be looked after.")
            if self.stop_flag.wait(self._runner.tidy_seconds):
                return


class EmbeddedWorker(_Worker):
    """A worker in a thread of the server, started and stopped with it."""

    def _set_signal_handlers(self) -> None:
        """The signals are the server's."""


def run_worker(settings: Settings) -> None:
    """Work off jobs until SIGINT or SIGTERM; then what is running goes back to the queue.

    Raises:
        DatabaseUnavailableError: If the database cannot be reached at the start.
    """
    asyncio.run(_migrate(settings))
    runner = JobRunner(settings)
    queue = JobQueue(settings, run=runner.run)
    try:
        _Worker(queue, runner).run()
    finally:
        queue.close()


async def _migrate(settings: Settings) -> None:
    async with open_database(settings.database_url.get_secret_value()) as database:
        await upgrade(database)
