"""Announces changes of the served versions to all replicas, over Redis pub/sub.

An announcement only says that the database holds a change. It may get lost, and without Redis there are none, so
replicas also look into the database regularly.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Protocol

from app.settings import Settings


class Announcements(Protocol):
    """Sends and receives announcements."""

    async def announce(self) -> None:
        """Announce a change, if the other replicas can be reached."""

    async def wait(self, seconds: float) -> None:
        """Return after an announcement, or after `seconds`. It may return sooner without an announcement."""

    async def close(self) -> None:
        """Close the connections."""


class NoAnnouncements:
    """Without Redis nothing is sent or received."""

    async def announce(self) -> None:
        """Do nothing."""

    async def wait(self, seconds: float) -> None:
        """Return after `seconds`."""
        await asyncio.sleep(seconds)

    async def close(self) -> None:
        """Nothing is open."""


@asynccontextmanager
async def open_announcements(settings: Settings) -> AsyncIterator[Announcements]:
    """Open announcements over the Redis of the settings, if there is one, and close them when the block ends."""
    announcements = _announcements(settings)
    try:
        yield announcements
    finally:
        await announcements.close()


def _announcements(settings: Settings) -> Announcements:
    if settings.redis_url is None:
        return NoAnnouncements()
    from app.redis.announcements import RedisAnnouncements  # noqa: PLC0415 - see app/redis

    return RedisAnnouncements(settings.redis_url.get_secret_value())
