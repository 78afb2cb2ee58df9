"""Answers kept for a while: in this process, or in Redis for all replicas.

Keys hold the versions of everything that an answer depends on, so nothing is ever invalidated: what is out of
date is no longer asked for. A cache may forget at any time, and one that fails counts as empty. What it gives back may
come from another release, or from whoever else writes to Redis: it is the caller's to check.
"""

import json
import time
from collections.abc import Callable
from typing import Any, Protocol

from cachetools import TTLCache
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError, ResponseError

from app.redis_outages import RedisOutages
from app.settings import Settings

_REDIS_TIMEOUT_SECONDS = 0.5


class Cache(Protocol):
    """What every cache can do; values are anything JSON can hold."""

    async def get(self, key: str) -> Any | None:  # noqa: ANN401 - whatever JSON was put in
        """The value, or None if the cache does not hold it."""

    async def set(self, key: str, value: Any) -> None:  # noqa: ANN401
        """Keep a value for a while."""

    async def is_available(self) -> bool:
        """Whether the cache works at the moment."""

    async def close(self) -> None:
        """Close what is open."""


class LocalCache:
    """A bounded cache in this process; the entry that was not asked for the longest goes first.

    Args:
        entries: How many values are kept.
        seconds: How long a value is kept.
        clock: Seconds that never go back.
    """

    def __init__(self, *, entries: int, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._values: TTLCache[str, str] = TTLCache(maxsize=entries, ttl=seconds, timer=clock)

    async def get(self, key: str) -> Any | None:  # noqa: ANN401
        """The value, or None if the cache does not hold it."""
        value = self._values.get(key)
        return None if value is None else json.loads(value)

    async def set(self, key: str, value: Any) -> None:  # noqa: ANN401
        """Keep a value for a while."""
        self._values[key] = json.dumps(value)

    async def is_available(self) -> bool:
        """Always."""
        return True

    async def close(self) -> None:
        """Nothing is open."""


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


_PREFIX = "coldstart:"


def create_cache(settings: Settings) -> Cache:
    """The cache that the settings ask for."""
    if settings.redis_url is None:
        return LocalCache(entries=settings.cache_entries, seconds=settings.cache_seconds)
    return RedisCache(settings.redis_url.get_secret_value(), seconds=settings.cache_seconds)
