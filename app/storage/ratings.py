"""Ratings in the database."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from functools import cache
from typing import NamedTuple

from sqlalchemy import Boolean, Insert, bindparam, case, delete, exists, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.storage import clock
from app.storage.tables import Base, Rating
from app.storage.upsert import dialect_of, insert
from app.storage.users import UserState


class RatingRecord(NamedTuple):
    """A user's rating of an item.

    Attributes:
        item_id: The item.
        rating: On the rating scale.
        rated_at: When it was made. None is allowed only before the rating is stored: it was made when it arrived.
    """

    item_id: str
    rating: float
    rated_at: datetime | None = None

    def is_older_than(self, moment: datetime) -> bool:
        """Whether it was made before a moment."""
        return self.rated_at is not None and self.rated_at < moment


class RatingRepository:
    """Reads and writes ratings. Writers lock the user's row first (see `UserRepository`)."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def save(self, ratings: Iterable[tuple[str, RatingRecord]]) -> None:
        """Store ratings of known users, by user id, and delete their skips of the rated items.

        Of two ratings of an item the later is kept; of two with the same time, the one that arrives later. Wrong clocks
        do no harm: a rating from the future counts as made now, so that later ratings can replace it. A rating without
        a time replaces the stored one, even if that came from a machine whose clock is ahead.
        """
        now = await clock.now(self._session)
        rows = [
            {
                "user_id": user_id,
                "item_id": rating.item_id,
                "rating": rating.rating,
                "rated_at": now if rating.rated_at is None else min(rating.rated_at, now),
                "made_on_arrival": rating.rated_at is None,
            }
            for user_id, rating in ratings
        ]
        await self._session.execute(_saving(dialect_of(self._session)), rows)
        await self._session.execute(_FORGETTING_SKIPS, {"user_ids": list({row["user_id"] for row in rows})})

    async def of_users(self, user_ids: Collection[str]) -> Mapping[str, Sequence[RatingRecord]]:
        """All ratings of each user, oldest first. Unknown users are left out."""
        ratings: dict[str, list[RatingRecord]] = defaultdict(list)
        for user_id, *rating in await self._session.execute(_OF_USERS, {"user_ids": list(user_ids)}):
            ratings[user_id].append(RatingRecord(*rating))
        return ratings

    async def with_users(self, user_ids: Collection[str]) -> dict[str, tuple[UserState, Sequence[RatingRecord]]]:
        """The known users among these, with all their ratings, oldest first, read at one moment."""
        found: dict[str, tuple[UserState, list[RatingRecord]]] = {}
        for row in await self._session.execute(_WITH_USERS, {"user_ids": list(user_ids)}):
            if row.id not in found:
                found[row.id] = UserState(row.id, row.attributes, row.revision), []
            if row.item_id is not None:
                found[row.id][1].append(RatingRecord(row.item_id, row.rating, row.rated_at))
        return dict(found)

    async def rated_items(self, user_id: str) -> Sequence[str]:
        """The ids of all items that a user has rated."""
        return (await self._session.scalars(select(Rating.item_id).where(Rating.user_id == user_id))).all()

    async def page(self, user_id: str, *, after: str | None, limit: int) -> Sequence[RatingRecord]:
        """A user's ratings, ordered by item id, after the item id `after`."""
        statement = select(Rating).where(Rating.user_id == user_id).order_by(Rating.item_id).limit(limit)
        if after is not None:
            statement = statement.where(Rating.item_id > after)
        ratings = await self._session.scalars(statement)
        return [RatingRecord(rating.item_id, rating.rating, rating.rated_at) for rating in ratings]

    async def count(self, user_id: str) -> int:
        """The number of items that a user has rated."""
        statement = select(func.count()).select_from(Rating).where(Rating.user_id == user_id)
        return (await self._session.execute(statement)).scalar_one()

    async def counts(self, user_ids: Collection[str]) -> Mapping[str, int]:
        """The number of items that each user has rated. Users without ratings are left out."""
        statement = select(Rating.user_id, func.count()).where(Rating.user_id.in_(user_ids)).group_by(Rating.user_id)
        return dict((await self._session.execute(statement)).all())

    async def delete(self, user_id: str, item_id: str) -> bool:
        """Delete one rating; False if there is none."""
        statement = delete(Rating).where(Rating.user_id == user_id, Rating.item_id == item_id).returning(Rating.item_id)
        return (await self._session.execute(statement)).scalar_one_or_none() is not None


# On tables instead of ORM classes, because every write runs these statements and the ORM takes much of their time.
_ratings, _skips, _users = (Base.metadata.tables[name] for name in ("ratings", "skips", "users"))
_OF_USERS = (
    select(_ratings.c.user_id, _ratings.c.item_id, _ratings.c.rating, _ratings.c.rated_at)
    .where(_ratings.c.user_id.in_(bindparam("user_ids", expanding=True)))
    .order_by(_ratings.c.user_id, _ratings.c.rated_at, _ratings.c.item_id)
)

_WITH_USERS = (
    select(
        _users.c.id,
        _users.c.attributes,
        _users.c.revision,
        _ratings.c.item_id,
        _ratings.c.rating,
        _ratings.c.rated_at,
    )
    .outerjoin_from(_users, _ratings)
    .where(_users.c.id.in_(bindparam("user_ids", expanding=True)))
    .order_by(_users.c.id, _ratings.c.rated_at, _ratings.c.item_id)
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
        set_={
            "rating": statement.excluded.rating,
            "rated_at": case(
                (statement.excluded.rated_at > _ratings.c.rated_at, statement.excluded.rated_at),
                else_=_ratings.c.rated_at,
            ),
        },
        where=or_(bindparam("made_on_arrival", type_=Boolean), statement.excluded.rated_at >= _ratings.c.rated_at),
    )
