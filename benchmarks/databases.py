"""PostgreSQL and Redis for the benchmarks.

The addresses are COLDSTART_BENCH_POSTGRESQL_URL and COLDSTART_BENCH_REDIS_URL; the default is this machine.
"""

import asyncio
import os
from collections.abc import Iterator
from contextlib import contextmanager

import asyncpg  # type: ignore[import-untyped]
import redis

from benchmarks.harness import SkippedError

_POSTGRESQL_URL = os.environ.get("COLDSTART_BENCH_POSTGRESQL_URL", "postgresql://postgres@127.0.0.1:5432")
_REDIS_URL = os.environ.get("COLDSTART_BENCH_REDIS_URL", "redis://127.0.0.1:6379/15")


@contextmanager
def postgresql_and_redis() -> Iterator[dict[str, str]]:
    """Create a database and yield the settings for it; drop it at the end.

    Raises:
        SkippedError: If one of the two is not running.
    """
    name = f"coldstart_bench_{os.getpid()}"

    async def administer(statement: str) -> None:
        connection = await asyncpg.connect(f"{_POSTGRESQL_URL}/postgres")
        await connection.execute(statement)
        await connection.close()

    try:
        with redis.Redis.from_url(_REDIS_URL) as connection:
            connection.ping()
        asyncio.run(administer(f"CREATE DATABASE {name}"))
    except (OSError, redis.RedisError) as error:
        raise SkippedError("PostgreSQL or Redis is not running") from error
    try:
        yield {"COLDSTART_DATABASE_URL": f"{_POSTGRESQL_URL}/{name}", "COLDSTART_REDIS_URL": _REDIS_URL}
    finally:
        asyncio.run(administer(f"DROP DATABASE {name} WITH (FORCE)"))
