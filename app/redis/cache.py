"""A cache in Redis, which all replicas share."""

import json
from typing import Any

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError, ResponseError

from app.redis.outages import RedisOutages

_PREFIX = "coldstart:"
_REDIS_TIMEOUT_SECONDS = 0.5


class RedisCache:
    """A cache in Redis. While Redis does not answer, the cache is empty and leaves Redis alone for moments.

    Args:
        url: Of Redis.
        seconds: How long a value is kept.
    """

    def __init__(self, url: str, *, seconds: int) -> None:
        self._seconds = seconds
        self._redis = Redis.from_url(
            url,
            socket_timeout=_REDIS_TIMEOUT_SECONDS,
            socket_connect_timeout=_REDIS_TIMEOUT_SECONDS,
            retry=Retry(NoBackoff(), 0),  # a miss now is better than a hit later
        )
        self._outages = RedisOutages("going on without a cache")
        self._refusals = RedisOutages("keeping no new answers")

    async def get(self, key: str) -> Any | None:  # noqa: ANN401
        """The value, or None if the cache does not hold it."""
        if self._outages.leave_alone:
            return None
        try:
            value = await self._redis.get(_PREFIX + key)
        except (RedisError, OSError) as error:
            self._outages.note_failure(error)
            return None
        self._outages.note_success()
        try:
            return None if value is None else json.loads(value)
        except ValueError:
            return None

    async def set(self, key: str, value: Any) -> None:  # noqa: ANN401
        """Keep a value for a while."""
        if self._outages.leave_alone or self._refusals.leave_alone:
            return
        try:
            await self._redis.set(_PREFIX + key, json.dumps(value), ex=self._seconds)
        except ResponseError as error:  # out of memory, or a replica that takes no writes: reading may go on
            self._refusals.note_failure(error)
        except (RedisError, OSError) as error:
            self._outages.note_failure(error)
        else:
            self._refusals.note_success()

    async def is_available(self) -> bool:
        """Whether Redis answers."""
        try:
            await self._redis.ping()
        except (RedisError, OSError) as error:
            self._outages.note_failure(error)
            return False
        self._outages.note_success()
        return True

    async def close(self) -> None:
        """Close the connections."""
        await self._redis.aclose()
