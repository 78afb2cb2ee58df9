"""The popularity of items in the database: their ratings since a model was trained."""

from collections.abc import Mapping
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.storage.tables import Base
from app.storage.upsert import dialect_of, insert

_AT_ONCE = 500
"""Rows of one statement: preparing their parameters keeps the event loop busy for some milliseconds."""


class ItemRatings(NamedTuple):
    """The number of an item's ratings, and their mean; 0 without ratings."""

    rating_count: int
    rating_mean: float


class ItemPopularityRepository:
    """Counts ratings, and stores the counts for all replicas.

    A writer first takes its version from `CurrentVersionsRepository.next_popularity`, which keeps other writers out.
    """

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def ratings_since(self, moment: datetime) -> dict[str, ItemRatings]:
        """The ratings of each item after a moment. Items without ratings are left out."""
        statement = select(_ratings.c.item_id, func.count().label("count"), func.avg(_ratings.c.rating).label("mean"))
        rows = await self._session.execute(statement.where(_ratings.c.rated_at > moment).group_by(_ratings.c.item_id))
        # Rounded, because sums in another order may differ in the last bit, which is no change.
        return {item_id: ItemRatings(count, round(mean, 6)) for item_id, count, mean in rows}

    async def save(self, model_version: str, ratings: Mapping[str, ItemRatings], *, version: int) -> None:
        """Store the counts since a model was trained."""
        statement = insert(dialect_of(self._session), _popularity)
        statement = statement.on_conflict_do_update(
            index_elements=[_popularity.c.model_version, _popularity.c.item_id],
            set_={name: statement.excluded[name] for name in ("rating_count", "rating_mean", "version")},
        )
        rows = [
            {
                "model_version": model_version,
                "item_id": item_id,
                "rating_count": count,
                "rating_mean": mean,
                "version": version,
            }
            for item_id, (count, mean) in ratings.items()
        ]
        for start in range(0, len(rows), _AT_ONCE):
            await self._session.execute(statement, rows[start : start + _AT_ONCE])

    async def changed_since(self, model_version: str, version: int) -> dict[str, ItemRatings]:
        """The counts of a model that changed after a popularity version."""
        statement = select(_popularity.c.item_id, _popularity.c.rating_count, _popularity.c.rating_mean).where(
            _popularity.c.model_version == model_version, _popularity.c.version > version
        )
        rows = await self._session.execute(statement)
        return {row.item_id: ItemRatings(row.rating_count, row.rating_mean) for row in rows}


# On tables instead of ORM classes, because there are many rows and the ORM takes much of the time.
_ratings, _popularity = (Base.metadata.tables[name] for name in ("ratings", "item_popularity"))
