"""Keeps the models in memory up to date with the database, without waiting for a request."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from app.announcements import Announcements
from app.errors import DatabaseUnavailableError
from app.services.model_host import ModelHost

logger = logging.getLogger(__name__)

_POLL_SECONDS = 2.0
"""Time between two looks into the database without an announcement: Redis may be down, or lose a message."""


class ModelRefresher:
    """Refreshes the model host regularly, and at once when a change is announced."""

    def __init__(self, host: ModelHost, announcements: Announcements) -> None:
        self._host = host
        self._announcements = announcements

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Refresh the model host until the block ends."""
        task = asyncio.create_task(self._refresh_forever())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def _refresh_forever(self) -> None:
        while True:
            try:
                await self._announcements.wait(_POLL_SECONDS)
                await self._host.refresh()
            except DatabaseUnavailableError:
                pass  # it is logged, and the models in memory go on serving
            except Exception:
                logger.exception("The models in memory could not be refreshed.")
                await asyncio.sleep(_POLL_SECONDS)  # so that an error that stays does not keep the process busy
