"""Answers kept for a while: in this process, or in Redis for all replicas.

Keys hold the versions of everything that an answer depends on, so nothing is ever invalidated: what is out of
date is no longer asked for. A cache may forget at any time, and one that fails counts as empty.
"""

import json
import logging
import time
from collections import OrderedDict
from typing import Any, Protocol

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from app.settings import Settings

logger = logging.getLogger(__name__)

_REDIS_TIMEOUT_SECONDS = 0.5
_PAUSE_AFTER_FAILURE_SECONDS = 5.0


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
    """

    def __init__(self, *, entries: int, seconds: float) -> None:
        self._entries = entries
        self._seconds = seconds
        self._values: OrderedDict[str, tuple[float, str]] = OrderedDict()

    async def get(self, key: str) -> Any | None:  # noqa: ANN401
        """The value, or None if the cache does not hold it."""
        if key not in self._values:
            return None
        expires_at, value = self._values[key]
        if expires_at <= time.monotonic():
            del self._values[key]
            return None
        self._values.move_to_end(key)
        return json.loads(value)

    async def set(self, key: str, value: Any) -> None:  # noqa: ANN401
        """Keep a value for a while."""
        self._values[key] = (time.monotonic() + self._seconds, json.dumps(value))
        self._values.move_to_end(key)
        if len(self._values) > self._entries:
            self._values.popitem(last=False)

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
        self._retry_at = 0.0
        self._failing = False

    async def get(self, key: str) -> Any | None:  # noqa: ANN401
        """The value, or None if the cache does not hold it."""
        if time.monotonic() < self._retry_at:
            return None
        try:
            value = await self._redis.get(_PREFIX + key)
        except (RedisError, OSError) as error:
            self._note_failure(error)
            return None
        self._note_success()
        return None if value is None else json.loads(value)

    async def set(self, key: str, value: Any) -> None:  # noqa: ANN401
        """Keep a value for a while."""
        if time.monotonic() < self._retry_at:
            return
        try:
            await self._redis.set(_PREFIX + key, json.dumps(value), ex=self._seconds)
        except (RedisError, OSError) as error:
            self._note_failure(error)

    async def is_available(self) -> bool:
        """Whether Redis answers."""
        try:
            await self._redis.ping()
        except (RedisError, OSError) as error:
            self._note_failure(error)
            return False
        self._note_success()
        return True

    async def close(self) -> None:
        """Close the connections."""
        await self._redis.aclose()

    def _note_failure(self, error: Exception) -> None:
        self._retry_at = time.monotonic() + _PAUSE_AFTER_FAILURE_SECONDS
        if not self._failing:
            logger.warning("Redis does not answer (%s); going on without a cache.", type(error).__name__)
        self._failing = True

    def _note_success(self) -> None:
        if self._failing:
            logger.info("Redis answers again.")
        self._failing = False
        self._retry_at = 0.0


_PREFIX = "coldstart:"


def create_cache(settings: Settings) -> Cache:
    """The cache that the settings ask for."""
    if settings.redis_url is None:
        return LocalCache(entries=settings.cache_entries, seconds=settings.cache_seconds)
    return RedisCache(settings.redis_url.get_secret_value(), seconds=settings.cache_seconds)
