"""How replicas hear at once that other versions are to be served: Redis pub/sub.

An announcement says nothing but that there is something to see in the database. It may get lost, and without Redis
there is none, so whoever listens looks after a while in any case.
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
    """Makes announcements and hears them.

    Args:
        redis: Over which; None if there is none.
    """

    def __init__(self, redis: Redis | None) -> None:
        self._redis = redis
        self._listening: PubSub | None = None
        self._outages = RedisOutages("replicas look into the database for versions to serve")

    async def announce(self) -> None:
        """Tell everybody who listens, unless Redis does not answer."""
        if self._redis is None:
            return
        try:
            await self._redis.publish(_CHANNEL, "")
        except (RedisError, OSError) as error:
            self._outages.note_failure(error)

    async def wait(self, seconds: float) -> None:
        """Return once something was announced, or after so many seconds; sooner if there may have been something."""
        if self._redis is None or self._outages.leave_alone:
            await asyncio.sleep(seconds)
            return
        try:
            if self._listening is None:
                self._listening = self._redis.pubsub()
                await self._listening.subscribe(_CHANNEL)
            await self._listening.get_message(timeout=seconds)  # the first one says that we listen
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
    """Announcements over the settings' Redis, if there is one, closed when the block ends."""
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
