"""Ratings in the database."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache

from sqlalchemy import Insert, bindparam, delete, exists, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.storage.tables import Base, Rating
from app.storage.upsert import dialect_of, insert


@dataclass(frozen=True)
class RatingRecord:
    """An item's rating by somebody, and when it was made."""

    item_id: str
    rating: float
    rated_at: datetime


class RatingRepository:
    """Reads and writes ratings; writers lock the user's row first (see `UserRepository`)."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def save(self, ratings: Iterable[tuple[str, RatingRecord]]) -> None:
        """Store ratings of known users, by user id; what is rated is skipped no longer.

        Of two ratings of one item the one made later stays, and of two made at once the one given later.
        """
        rows = [
            {"user_id": user_id, "item_id": rating.item_id, "rating": rating.rating, "rated_at": rating.rated_at}
            for user_id, rating in ratings
        ]
        await self._session.execute(_saving(dialect_of(self._session)), rows)
        await self._session.execute(_FORGETTING_SKIPS, {"user_ids": list({row["user_id"] for row in rows})})

    async def of_users(self, user_ids: Collection[str]) -> Mapping[str, Sequence[RatingRecord]]:
        """All ratings of each user, the oldest first; none of whom is not known."""
        ratings: dict[str, list[RatingRecord]] = defaultdict(list)
        for user_id, *rating in await self._session.execute(_OF_USERS, {"user_ids": list(user_ids)}):
            ratings[user_id].append(RatingRecord(*rating))
        return ratings

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


# On the table instead of the class: every storing request runs these, and the ORM's share of their time is large.
_ratings, _skips = (Base.metadata.tables[name] for name in ("ratings", "skips"))
_OF_USERS = (
    select(_ratings.c.user_id, _ratings.c.item_id, _ratings.c.rating, _ratings.c.rated_at)
    .where(_ratings.c.user_id.in_(bindparam("user_ids", expanding=True)))
    .order_by(_ratings.c.user_id, _ratings.c.rated_at, _ratings.c.item_id)
)

_FORGETTING_SKIPS = delete(_skips).where(
    _skips.c.user_id.in_(bindparam("user_ids", expanding=True)),
    exists().where(_ratings.c.user_id == _skips.c.user_id, _ratings.c.item_id == _skips.c.item_id),
)


@cache
def _saving(dialect: str) -> Insert:
    statement = insert(dialect, _ratings)
    return statement.on_conflict_do_update(
        index_elements=[_ratings.c.user_id, _ratings.c.item_id],
        set_={"rating": statement.excluded.rating, "rated_at": statement.excluded.rated_at},
        where=statement.excluded.rated_at >= _ratings.c.rated_at,
    )
