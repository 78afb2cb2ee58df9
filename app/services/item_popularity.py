"""Item popularity: one replica counts new ratings regularly, and all replicas read the counts."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from app.errors import DatabaseUnavailableError
from app.storage.current_versions import CurrentVersionsRepository
from app.storage.database import Database
from app.storage.item_popularity import ItemPopularityRepository, ItemRatings
from app.storage.model_versions import ModelVersionRepository
from app.storage.tables import ModelVersion
from models.data.schema import DatasetSchema

logger = logging.getLogger(__name__)

_REST = 20
"""A process waits at least 20 times as long as its last count took, so that counting stays cheap."""


class PopularityCounter:
    """Counts the ratings of each item since the models that serve were trained.

    The counts are in the database, under a version that every request reads, so all replicas use the same counts.
    Replicas take turns without talking to each other: one that finds a newer version than its last does not count.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._seen: int | None = None

    async def count(self) -> None:
        """Count, unless another replica has stored new counts since the last call."""
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
            ratings = await _ratings_since_training(model, popularity)
            known = await popularity.changed_since(model_version, 0)
        changed = {item_id: own for item_id, own in ratings.items() if own.outdates(known.get(item_id))}
        nothing = ItemRatings(0, 0.0, 0)
        changed |= {item_id: nothing for item_id, own in known.items() if own != nothing and item_id not in ratings}
        if changed:
            async with self._database.write() as session:
                self._seen = await CurrentVersionsRepository(session).next_popularity()
                await ItemPopularityRepository(session).save(model_version, changed, version=self._seen)


async def _ratings_since_training(
    model: ModelVersion, popularity: ItemPopularityRepository
) -> Mapping[str, ItemRatings]:
    """What counts for the popularity of items: ratings, or for a model without ratings the wanted interactions too."""
    if model.manifest["preset"].get("learner") is not None:
        return await popularity.ratings_since(model.created_at)
    kinds = DatasetSchema.model_validate(model.manifest["data_schema"]).kinds
    return await popularity.choices_since(model.created_at, [kind for kind, weight in kinds.items() if weight > 0])


@asynccontextmanager
async def counting_ratings(database: Database, *, seconds: float) -> AsyncIterator[None]:
    """Count regularly, at most once in `seconds`, until the block ends."""
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
            pass  # it is logged, and the next turn comes
        except Exception:
            logger.exception("Ratings could not be counted.")  # and no request fails for it
        rest = max(seconds, _REST * (time.monotonic() - started))
