"""How many have rated each item since a model was trained, in the database."""

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.storage.tables import Base
from app.storage.upsert import dialect_of, insert

_AT_ONCE = 500
"""Rows of one statement: preparing their parameters keeps the event loop busy for some milliseconds."""


class PopularityRepository:
    """Counts ratings, and keeps the counts where all replicas read them.

    A writer first takes its version from `VersionsRepository.next_popularity`, which keeps other writers out.
    """

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def ratings_since(self, moment: datetime) -> dict[str, int]:
        """How many have rated each item after a moment; items that nobody has are left out."""
        statement = select(_ratings.c.item_id, func.count().label("rating_count")).where(_ratings.c.rated_at > moment)
        rows = await self._session.execute(statement.group_by(_ratings.c.item_id))
        return {row.item_id: row.rating_count for row in rows}

    async def save(self, model_version: str, counts: Mapping[str, int], *, version: int) -> None:
        """Keep counts of a model."""
        statement = insert(dialect_of(self._session), _popularity)
        statement = statement.on_conflict_do_update(
            index_elements=[_popularity.c.model_version, _popularity.c.item_id],
            set_={"rating_count": statement.excluded.rating_count, "version": statement.excluded.version},
        )
        rows = [
            {"model_version": model_version, "item_id": item_id, "rating_count": count, "version": version}
            for item_id, count in counts.items()
        ]
        for start in range(0, len(rows), _AT_ONCE):
            await self._session.execute(statement, rows[start : start + _AT_ONCE])

    async def changed_since(self, model_version: str, version: int) -> dict[str, int]:
        """The counts of a model that have changed after a popularity version; 0 is that of none any more."""
        statement = select(_popularity.c.item_id, _popularity.c.rating_count).where(
            _popularity.c.model_version == model_version, _popularity.c.version > version
        )
        return {row.item_id: row.rating_count for row in await self._session.execute(statement)}


# On the tables instead of the classes: there are many rows, and the ORM's share of their time is large.
_ratings, _popularity = (Base.metadata.tables[name] for name in ("ratings", "item_popularity"))
