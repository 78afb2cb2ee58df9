"""The popularity of items in the database: their ratings, or interactions, since a model was trained."""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Subquery, func, literal, select, union_all
from sqlalchemy.ext.asyncio import AsyncSession

from app.storage.tables import Base
from app.storage.upsert import dialect_of, insert

_AT_ONCE = 500
"""Rows of one statement: preparing their parameters keeps the event loop busy for some milliseconds."""


class ItemRatings(NamedTuple):
    """An item's ratings after a moment; all numbers are 0 without ratings.

    Attributes:
        rating_count: Their number.
        rating_mean: Their mean.
        meanwhile_count: The number of ratings of all items after the item's first one.
    """

    rating_count: int
    rating_mean: float
    meanwhile_count: int

    def outdates(self, stored: "ItemRatings | None") -> bool:
        """Whether they replace what is stored: the item's ratings differ, or more than twice as many came meanwhile.

        Without the second, an item that nobody rates any more would keep its share of all ratings. If any rating
        counted, every count would store every item.
        """
        return stored is None or self[:2] != stored[:2] or self.meanwhile_count > 2 * stored.meanwhile_count + 1


class ItemPopularityRepository:
    """Counts ratings, and stores the counts for all replicas.

    A writer first takes its version from `CurrentVersionsRepository.next_popularity`, which keeps other writers out.
    """

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def ratings_since(self, moment: datetime) -> dict[str, ItemRatings]:
        """The ratings of each item after a moment. Items without ratings are left out."""
        ratings = select(_ratings.c.item_id, _ratings.c.rating, _ratings.c.rated_at.label("moment"))
        return await self._counted(ratings.where(_ratings.c.rated_at > moment).subquery())

    async def choices_since(self, moment: datetime, kinds: Collection[str]) -> dict[str, ItemRatings]:
        """How many users rated each item, or interacted with it in one of these kinds, after a moment.

        For models without ratings. Each user counts once for an item; the mean is 1. Items without choices are left
        out.
        """
        rated = select(_ratings.c.user_id, _ratings.c.item_id, _ratings.c.rated_at.label("moment"))
        done = select(_interactions.c.user_id, _interactions.c.item_id, _interactions.c.occurred_at)
        each = union_all(
            rated.where(_ratings.c.rated_at > moment),
            done.where(_interactions.c.occurred_at > moment, _interactions.c.kind.in_(kinds)),
        ).subquery()
        choices = select(each.c.item_id, literal(1.0).label("rating"), func.max(each.c.moment).label("moment"))
        return await self._counted(choices.group_by(each.c.user_id, each.c.item_id).subquery())

    async def _counted(self, choices: Subquery) -> dict[str, ItemRatings]:
        """Counts of rows with `item_id`, `rating` and `moment`."""
        # Ratings of the same time count as later than each other: their order is unknown.
        from_then_on = func.count().over(order_by=choices.c.moment.desc()).label("from_then_on")
        later = select(choices.c.item_id, choices.c.rating, from_then_on).subquery()
        statement = select(later.c.item_id, func.count(), func.avg(later.c.rating), func.max(later.c.from_then_on))
        rows = await self._session.execute(statement.group_by(later.c.item_id))
        # Rounded, because sums in another order may differ in the last bit, which is no change.
        return {
            item_id: ItemRatings(count, round(mean, 6), from_first_on - 1)
            for item_id, count, mean, from_first_on in rows
        }

    async def save(self, model_version: str, ratings: Mapping[str, ItemRatings], *, version: int) -> None:
        """Store the counts since a model was trained."""
        statement = insert(dialect_of(self._session), _popularity)
        statement = statement.on_conflict_do_update(
            index_elements=[_popularity.c.model_version, _popularity.c.item_id],
            set_={name: statement.excluded[name] for name in (*ItemRatings._fields, "version")},
        )
        rows = [
            {
                "model_version": model_version,
                "item_id": item_id,
                **own._asdict(),
                "version": version,
            }
            for item_id, own in ratings.items()
        ]
        for start in range(0, len(rows), _AT_ONCE):
            await self._session.execute(statement, rows[start : start + _AT_ONCE])

    async def changed_since(self, model_version: str, version: int) -> dict[str, ItemRatings]:
        """The counts of a model that changed after a popularity version."""
        columns = (_popularity.c[name] for name in ItemRatings._fields)
        statement = select(_popularity.c.item_id, *columns).where(
            _popularity.c.model_version == model_version, _popularity.c.version > version
        )
        rows = await self._session.execute(statement)
        return {item_id: ItemRatings(*own) for item_id, *own in rows}


# On tables instead of ORM classes, because there are many rows and the ORM takes much of the time.
_ratings, _interactions, _popularity = (
    Base.metadata.tables[name] for name in ("ratings", "interactions", "item_popularity")
)
