"""The queue of job ids, in Redis or in an SQLite file. What is to be done stands in the database."""

import json
import sqlite3
from collections.abc import Callable, Iterable
from typing import Any

from huey import Huey, RedisHuey, SqliteHuey
from huey.registry import Message
from huey.serializer import Serializer
from redis import ConnectionPool
from redis.exceptions import RedisError

from app.errors import QueueUnavailableError
from app.settings import Settings

_NAME = "coldstart"
OUTAGES = (RedisError, sqlite3.Error, OSError)
"""What Huey raises while Redis, or the disk of the embedded queue, does not do what it should."""

_REDIS_TIMEOUT_SECONDS = 5  # longer than the second for which a worker waits for work


class JSONSerializer(Serializer):  # type: ignore[misc]  # Huey publishes no types
    """Messages as JSON: who can write to the queue must not thereby run code, as they could with pickle."""

    def _serialize(self, data: Any) -> bytes:  # noqa: ANN401 - a message, or a value of Huey's own
        return json.dumps(data).encode()

    def _deserialize(self, data: bytes) -> Any:  # noqa: ANN401
        value = json.loads(data)
        # A message is a named tuple, which JSON turns into a list.
        return Message(*value) if isinstance(value, list) else value


class JobQueue:
    """Hands job ids over to whichever worker is free.

    Args:
        settings: Where the queue is.
        run: What a worker does with a job id.
    """

    def __init__(self, settings: Settings, *, run: Callable[[str], None]) -> None:
        self.huey = _create_huey(settings)
        self._run = self.huey.task(name="run")(run)

    def submit(self, job_id: str) -> None:
        """Enqueue a job; a job that is enqueued twice is still done once.

        Raises:
            QueueUnavailableError: If the queue does not answer.
        """
        try:
            self._run(job_id)
        except OUTAGES as error:
            raise QueueUnavailableError from error

    def refill(self, job_ids: Iterable[str]) -> None:
        """Enqueue those of the jobs that the queue does not hold: it has lost them, or a worker that died had them.

        Raises:
            QueueUnavailableError: If the queue does not answer.
        """
        try:
            held = b" ".join(self.huey.storage.enqueued_items())
        except OUTAGES as error:
            raise QueueUnavailableError from error
        for job_id in job_ids:
            if job_id.encode() not in held:
                self.submit(job_id)

    def ping(self) -> None:
        """Return if the queue answers.

        Raises:
            QueueUnavailableError: If it does not.
        """
        try:
            self.huey.pending_count()
        except OUTAGES as error:
            raise QueueUnavailableError from error

    def close(self) -> None:
        """Close the connections."""
        if isinstance(self.huey, RedisHuey):
            self.huey.storage.pool.disconnect()
        else:
            self.huey.storage.close()


def _create_huey(settings: Settings) -> Huey:
    # Results go to the database; Huey need not keep them.
    if settings.redis_url is not None:
        pool = ConnectionPool.from_url(
            settings.redis_url.get_secret_value(),
            socket_timeout=_REDIS_TIMEOUT_SECONDS,
            socket_connect_timeout=_REDIS_TIMEOUT_SECONDS,
        )
        return RedisHuey(_NAME, connection_pool=pool, serializer=JSONSerializer(), results=False)
    settings.state_dir.mkdir(parents=True, exist_ok=True)
    filename = str(settings.state_dir / "queue.db")
    return SqliteHuey(_NAME, filename=filename, fsync=True, serializer=JSONSerializer(), results=False)
