"""Ratings in the database."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime

from sqlalchemy import delete, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.storage.tables import Rating, Skip
from app.storage.upsert import insert


@dataclass(frozen=True)
class NewRating:
    """A rating to store."""

    item_id: str
    rating: float
    rated_at: datetime


class RatingRepository:
    """Reads and writes ratings; writers lock the user's row first (see `UserRepository`)."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def save(self, user_id: str, ratings: Sequence[NewRating]) -> None:
        """Store ratings of a known user, whose items are skipped no longer; of two of one item the later stays."""
        statement = insert(self._session, Rating)
        statement = statement.on_conflict_do_update(
            index_elements=[Rating.user_id, Rating.item_id],
            set_={"rating": statement.excluded.rating, "rated_at": statement.excluded.rated_at},
            where=statement.excluded.rated_at >= Rating.rated_at,
        )
        await self._session.execute(statement, [{"user_id": user_id, **asdict(rating)} for rating in ratings])
        rated = [rating.item_id for rating in ratings]
        await self._session.execute(delete(Skip).where(Skip.user_id == user_id, Skip.item_id.in_(rated)))

    async def of_user(self, user_id: str) -> Sequence[Rating]:
        """All ratings of a user, the oldest first."""
        statement = select(Rating).where(Rating.user_id == user_id).order_by(Rating.rated_at, Rating.item_id)
        return (await self._session.scalars(statement)).all()

    async def rated_items(self, user_id: str) -> Sequence[str]:
        """The ids of all items that a user has rated."""
        return (await self._session.scalars(select(Rating.item_id).where(Rating.user_id == user_id))).all()

    async def page(self, user_id: str, *, after: str | None, limit: int) -> Sequence[Rating]:
        """A user's ratings by item id, from behind `after` on."""
        statement = select(Rating).where(Rating.user_id == user_id).order_by(Rating.item_id).limit(limit)
        if after is not None:
            statement = statement.where(Rating.item_id > after)
        return (await self._session.scalars(statement)).all()

    async def count(self, user_id: str) -> int:
        """How many items a user has rated."""
        statement = select(func.count()).select_from(Rating).where(Rating.user_id == user_id)
        return (await self._session.execute(statement)).scalar_one()

    async def delete(self, user_id: str, item_id: str) -> bool:
        """Delete one rating; False if there is none."""
        statement = delete(Rating).where(Rating.user_id == user_id, Rating.item_id == item_id).returning(Rating.item_id)
        return (await self._session.execute(statement)).scalar_one_or_none() is not None
