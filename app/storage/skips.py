"""Skips in the database: items that a user was asked to rate and could not."""

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.storage.tables import Rating, Skip
from app.storage.upsert import dialect_of, insert


class SkipRepository:
    """Reads and writes skips. Writers lock the user's row first (see `UserRepository`).

    An item is rated or skipped, never both: `save` leaves out rated items, and `RatingRepository.save` deletes the
    skips of the items that it stores.
    """

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def save(self, user_id: str, item_ids: Collection[str], *, skipped_at: datetime) -> None:
        """Store skips of a known user. A skip that is stored already keeps its time."""
        rated = select(Rating.item_id).where(Rating.user_id == user_id, Rating.item_id.in_(item_ids))
        skipped = set(item_ids) - set(await self._session.scalars(rated))
        if skipped:
            statement = insert(dialect_of(self._session), Skip).on_conflict_do_nothing(
                index_elements=[Skip.user_id, Skip.item_id]
            )
            rows = [{"user_id": user_id, "item_id": item_id, "skipped_at": skipped_at} for item_id in skipped]
            await self._session.execute(statement, rows)

    async def skipped_items(self, user_id: str) -> Sequence[str]:
        """The ids of all items that a user has skipped."""
        return (await self._session.scalars(select(Skip.item_id).where(Skip.user_id == user_id))).all()

    async def page(self, user_id: str, *, after: str | None, limit: int) -> Sequence[Skip]:
        """A user's skips by item id, after the key `after`."""
        statement = select(Skip).where(Skip.user_id == user_id).order_by(Skip.item_id).limit(limit)
        if after is not None:
            statement = statement.where(Skip.item_id > after)
        return (await self._session.scalars(statement)).all()

    async def delete(self, user_id: str, item_id: str) -> bool:
        """Delete one skip; False if there is none."""
        statement = delete(Skip).where(Skip.user_id == user_id, Skip.item_id == item_id).returning(Skip.item_id)
        return (await self._session.execute(statement)).scalar_one_or_none() is not None
