"""Popularity follows the ratings: counted now and then by one replica, read by all."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from app.errors import DatabaseUnavailableError
from app.storage.current_versions import CurrentVersionsRepository
from app.storage.database import Database
from app.storage.item_popularity import ItemPopularityRepository, ItemRatings
from app.storage.model_versions import ModelVersionRepository

logger = logging.getLogger(__name__)

_REST = 20
"""A process waits at least so many times as long as it has counted, however many ratings there are."""


class PopularityCounter:
    """Counts the ratings of each item since the models that serve were trained.

    The counts stand in the database under a version that every request reads, so all replicas serve the same ones. They
    take turns without speaking to each other: whoever finds that the version has moved since it last looked leaves
    the counting be.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._seen: int | None = None

    async def count(self) -> None:
        """Count, unless another replica has counted something new since this one last did."""
        async with self._database.read() as session:
            versions = await CurrentVersionsRepository(session).current()
        seen, self._seen = self._seen, versions.popularity
        if seen is None or seen == versions.popularity:
            for model_version in versions.model_versions:
                await self._count_since_training(model_version)

    async def _count_since_training(self, model_version: str) -> None:
        async with self._database.read() as session:
            model = await ModelVersionRepository(session).get(model_version)
            if model is None:
                return
            popularity = ItemPopularityRepository(session)
            ratings = await popularity.ratings_since(model.created_at)
            known = await popularity.changed_since(model_version, 0)
        changed = {item_id: own for item_id, own in ratings.items() if known.get(item_id) != own}
        nothing = ItemRatings(0, 0.0)
        changed |= {item_id: nothing for item_id, own in known.items() if own != nothing and item_id not in ratings}
        if changed:
            async with self._database.write() as session:
                self._seen = await CurrentVersionsRepository(session).next_popularity()
                await ItemPopularityRepository(session).save(model_version, changed, version=self._seen)


@asynccontextmanager
async def counting_ratings(database: Database, *, seconds: float) -> AsyncIterator[None]:
    """Count regularly, with so many seconds in between at least, until the block ends."""
    counting = asyncio.create_task(_count_regularly(PopularityCounter(database), seconds))
    try:
        yield
    finally:
        counting.cancel()
        await asyncio.gather(counting, return_exceptions=True)


async def _count_regularly(counter: PopularityCounter, seconds: float) -> None:
    rest = seconds
    while True:
        await asyncio.sleep(rest)
        started = time.monotonic()
        try:
            await counter.count()
        except DatabaseUnavailableError:
            pass  # which is in the log; the next turn comes
        except Exception:
            logger.exception("Ratings could not be counted.")  # and nobody's request fails for it
        rest = max(seconds, _REST * (time.monotonic() - started))
