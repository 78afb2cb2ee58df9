"""How many requests each caller may make: counted in this process, or in Redis for all replicas together."""

import math
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from limits import parse
from limits.aio.storage import MemoryStorage, RedisStorage
from limits.aio.strategies import RateLimiter, SlidingWindowCounterRateLimiter
from pydantic import SecretStr
from redis.asyncio import ConnectionPool
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from app.errors import RateLimitedError
from app.redis.outages import RedisOutages

_REDIS_TIMEOUT_SECONDS = 0.5


class RateLimit:
    """A limit to the requests of each caller.

    The window slides: two counters a caller, the former weighted by how much of its window is still within the last
    one. A fixed window would let pass twice as many around its end, a log of all requests would hold each of them.

    While Redis does not answer, each process counts for itself, so no request fails for that reason.

    Args:
        limit: Such as `600/minute`.
        pool: Connections to Redis; without them, each process counts for itself.
    """

    def __init__(self, limit: str, pool: ConnectionPool | None) -> None:
        self._limit = parse(limit)
        self._own = SlidingWindowCounterRateLimiter(MemoryStorage())
        self._shared = None if pool is None else SlidingWindowCounterRateLimiter(_storage(pool))
        self._outages = RedisOutages("each process counts requests for itself")

    async def count(self, caller: str) -> None:
        """Count a request.

        Raises:
            RateLimitedError: If it is one too many.
        """
        if self._shared is not None and not self._outages.leave_alone:
            try:
                await self._count(self._shared, caller)
            except (RedisError, OSError) as error:
                self._outages.note_failure(error)
            else:
                self._outages.note_success()
                return
        await self._count(self._own, caller)

    async def _count(self, limiter: RateLimiter, caller: str) -> None:
        if not await limiter.hit(self._limit, caller):
            stats = await limiter.get_window_stats(self._limit, caller)
            raise RateLimitedError(str(self._limit), retry_after_seconds=math.ceil(stats.reset_time - time.time()))


def _storage(pool: ConnectionPool) -> RedisStorage:
    # The address is that of the connections.
    return RedisStorage(
        "async+redis://",
        implementation="redispy",
        key_prefix="coldstart:limit",
        connection_pool=pool,  # type: ignore[arg-type]
    )


@asynccontextmanager
async def open_rate_limit(limit: str, redis_url: SecretStr | None) -> AsyncIterator[RateLimit]:
    """A limit, counted in Redis if there is one; its connections are closed when the block ends."""
    if redis_url is None:
        yield RateLimit(limit, None)
        return
    pool = ConnectionPool.from_url(
        redis_url.get_secret_value(),
        socket_timeout=_REDIS_TIMEOUT_SECONDS,
        socket_connect_timeout=_REDIS_TIMEOUT_SECONDS,
        retry=Retry(NoBackoff(), 0),  # counting apart now is better than counting together later
    )
    try:
        yield RateLimit(limit, pool)
    finally:
        await pool.aclose()
