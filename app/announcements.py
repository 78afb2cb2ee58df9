"""Announces changes of the served versions to all replicas, over Redis pub/sub.

An announcement only says that the database holds a change. It may get lost, and without Redis there are none, so
replicas also look into the database regularly.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from redis.asyncio import Redis
from redis.asyncio.client import PubSub
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from app.redis_outages import RedisOutages
from app.settings import Settings

_CHANNEL = "coldstart:versions"
_REDIS_TIMEOUT_SECONDS = 0.5
_HEALTH_CHECK_SECONDS = 10


class Announcements:
    """Sends and receives announcements.

    Args:
        redis: The connection; None without Redis.
    """

    def __init__(self, redis: Redis | None) -> None:
        self._redis = redis
        self._listening: PubSub | None = None
        self._outages = RedisOutages("replicas look into the database for versions to serve")

    async def announce(self) -> None:
        """Announce a change. If Redis does not answer, this does nothing."""
        if self._redis is None:
            return
        try:
            await self._redis.publish(_CHANNEL, "")
        except (RedisError, OSError) as error:
            self._outages.note_failure(error)

    async def wait(self, seconds: float) -> None:
        """Return after an announcement, or after `seconds`. It may return sooner without an announcement."""
        if self._redis is None or self._outages.leave_alone:
            await asyncio.sleep(seconds)
            return
        try:
            if self._listening is None:
                self._listening = self._redis.pubsub()
                await self._listening.subscribe(_CHANNEL)
            await self._listening.get_message(timeout=seconds)  # the first message confirms the subscription
        except (RedisError, OSError) as error:
            self._outages.note_failure(error)
            await self._stop_listening()
            await asyncio.sleep(seconds)
        else:
            self._outages.note_success()

    async def close(self) -> None:
        """Close the connections."""
        await self._stop_listening()
        if self._redis is not None:
            await self._redis.aclose()

    async def _stop_listening(self) -> None:
        if self._listening is not None:
            await self._listening.aclose()  # type: ignore[no-untyped-call]  # the library's
            self._listening = None


@asynccontextmanager
async def open_announcements(settings: Settings) -> AsyncIterator[Announcements]:
    """Open announcements over the Redis of the settings, if there is one, and close them when the block ends."""
    redis = None
    if settings.redis_url is not None:
        redis = Redis.from_url(
            settings.redis_url.get_secret_value(),
            socket_timeout=_REDIS_TIMEOUT_SECONDS,
            socket_connect_timeout=_REDIS_TIMEOUT_SECONDS,
            retry=Retry(NoBackoff(), 0),
            health_check_interval=_HEALTH_CHECK_SECONDS,
        )
    announcements = Announcements(redis)
    try:
        yield announcements
    finally:
        await announcements.close()
