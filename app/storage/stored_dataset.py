"""All users, items, ratings and interactions of the database, read as a stream for training and evaluation."""

from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Select, func, null, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.storage.tables import Base

_BATCH = 10_000


class StoredDatasetRepository:
    """Reads whole tables in batches of tuples, in no order. Use it with `Database.snapshot`.

    Deleted items, their ratings and interactions are left out: they are neither recommended nor adapted to.
    """

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    def users(self) -> AsyncIterator[Sequence[tuple[str, None, dict[str, Any]]]]:
        """Id, None in place of a title, and attributes of all users."""
        return self._batches(select(_users.c.id, null(), _users.c.attributes))

    def items(self) -> AsyncIterator[Sequence[tuple[str, str | None, dict[str, Any]]]]:
        """Id, title and attributes of all items in the catalogue."""
        return self._batches(
            select(_items.c.id, _items.c.title, _items.c.attributes).where(_items.c.deleted.is_(False))
        )

    def deleted_item_ids(self) -> AsyncIterator[Sequence[tuple[str]]]:
        """Ids of the deleted items."""
        return self._batches(select(_items.c.id).where(_items.c.deleted.is_(True)))

    def ratings(self) -> AsyncIterator[Sequence[tuple[str, str, float, datetime]]]:
        """User, item, rating and time of all ratings of the catalogue's items."""
        return self._batches(
            select(_ratings.c.user_id, _ratings.c.item_id, _ratings.c.rating, _ratings.c.rated_at)
            .join(_items, _items.c.id == _ratings.c.item_id)
            .where(_items.c.deleted.is_(False))
        )

    def interactions(self) -> AsyncIterator[Sequence[tuple[str, str, str, datetime]]]:
        """User, item, kind and time of the latest interaction of each kind with each item of the catalogue."""
        return self._batches(
            select(
                _interactions.c.user_id,
                _interactions.c.item_id,
                _interactions.c.kind,
                func.max(_interactions.c.occurred_at),
            )
            .join(_items, _items.c.id == _interactions.c.item_id)
            .where(_items.c.deleted.is_(False))
            .group_by(_interactions.c.user_id, _interactions.c.item_id, _interactions.c.kind)
        )

    async def _batches(self, statement: Select[Any]) -> AsyncIterator[Sequence[Any]]:
        result = await self._session.stream(statement, execution_options={"yield_per": _BATCH})
        async for rows in result.partitions():
            yield rows


_users, _items, _ratings, _interactions = (
    Base.metadata.tables[name] for name in ("users", "items", "ratings", "interactions")
)
