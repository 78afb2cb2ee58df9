"""What keeps a replica level with the database, without waiting for a request to arrive."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from app.announcements import Announcements
from app.errors import DatabaseUnavailableError
from app.services.model_host import ModelHost

logger = logging.getLogger(__name__)

_POLL_SECONDS = 2.0
"""The database is looked into so often, whatever was announced: Redis may be away, or have lost something."""


class ModelRefresher:
    """Has the model host follow the database, at once where a change is announced."""

    def __init__(self, host: ModelHost, announcements: Announcements) -> None:
        self._host = host
        self._announcements = announcements

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Follow until the block ends."""
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
                pass  # which has been logged; what serves goes on
            except Exception:
                logger.exception("The versions to serve could not be followed.")
                await asyncio.sleep(_POLL_SECONDS)  # whatever it is, it must not keep the process busy
