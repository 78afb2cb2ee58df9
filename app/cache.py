"""Answers kept for a while: in this process, or in Redis for all replicas.

Keys hold the versions of everything that an answer depends on, so nothing is ever invalidated: what is out of
date is no longer asked for. A cache may forget at any time, and one that fails counts as empty. What it gives back may
come from another release, or from another program that writes to Redis. The caller must check it.
"""

import json
import time
from collections.abc import Callable
from typing import Any, Protocol

from cachetools import TTLCache

from app.settings import Settings


class Cache(Protocol):
    """What every cache can do; values are anything JSON can hold."""

    async def get(self, key: str) -> Any | None:  # noqa: ANN401 - any JSON value
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


def create_cache(settings: Settings) -> Cache:
    """The cache that the settings ask for."""
    if settings.redis_url is None:
        return LocalCache(entries=settings.cache_entries, seconds=settings.cache_seconds)
    from app.redis.cache import RedisCache  # noqa: PLC0415 - see app/redis

    return RedisCache(settings.redis_url.get_secret_value(), seconds=settings.cache_seconds)
