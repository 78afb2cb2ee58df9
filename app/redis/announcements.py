"""Announcements by Redis pub/sub, which all replicas hear."""

import asyncio

from redis.asyncio import Redis
from redis.asyncio.client import PubSub
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from app.redis.outages import RedisOutages

_CHANNEL = "coldstart:versions"
_REDIS_TIMEOUT_SECONDS = 0.5
_HEALTH_CHECK_SECONDS = 10


class RedisAnnouncements:
    """Sends and receives announcements by Redis pub/sub.

    Args:
        url: Of Redis.
    """

    def __init__(self, url: str) -> None:
        self._redis = Redis.from_url(
            url,
            socket_timeout=_REDIS_TIMEOUT_SECONDS,
            socket_connect_timeout=_REDIS_TIMEOUT_SECONDS,
            retry=Retry(NoBackoff(), 0),
            health_check_interval=_HEALTH_CHECK_SECONDS,
        )
        self._listening: PubSub | None = None
        self._outages = RedisOutages("replicas look into the database for versions to serve")

    async def announce(self) -> None:
        """Announce a change. If Redis does not answer, this does nothing."""
        try:
            await self._redis.publish(_CHANNEL, "")
        except (RedisError, OSError) as error:
            self._outages.note_failure(error)

    async def wait(self, seconds: float) -> None:
        """Return after an announcement, or after `seconds`. It may return sooner without an announcement."""
        if self._outages.leave_alone:
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
        await self._redis.aclose()

    async def _stop_listening(self) -> None:
        if self._listening is not None:
            await self._listening.aclose()  # type: ignore[no-untyped-call]  # the library's
            self._listening = None
