"""What is known of a user when a list is made: ratings, interactions and skips, stored or from a request."""

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from sqlalchemy.ext.asyncio import AsyncSession

from app.services.model_traffic import ServedModel
from app.storage.interactions import InteractionRecord, InteractionRepository
from app.storage.ratings import RatingRecord, RatingRepository
from app.storage.skips import SkipRepository
from app.storage.users import UserState
from models.data.attribute_values import known_attributes
from models.ranking import ItemRating, RankingQuery
from models.ranking.query import ItemInteraction, RankBy


@dataclass(frozen=True)
class Feedback:
    """What a user did.

    Attributes:
        ratings: At most one for each item.
        interactions: Any number for each item.
        skipped: Ids of skipped items.
    """

    ratings: Sequence[RatingRecord] = ()
    interactions: Sequence[InteractionRecord] = ()
    skipped: Sequence[str] = ()


KnownUser = tuple[UserState, Feedback]
"""A stored user, and all that the user did."""


@dataclass(frozen=True)
class ListOptions:
    """The options of a request for recommendations.

    Attributes:
        n: The most items.
        exclude: Items to leave out.
        filters: Field → accepted values.
        include_rated: Whether items that the user has rated or interacted with may be in it.
        explain: Whether to name what the user did that moved each item up.
        rank_by: What orders the list of a known user.
    """

    n: int
    exclude: Sequence[str] = ()
    filters: Mapping[str, Sequence[str]] = field(default_factory=dict)
    include_rated: bool = False
    explain: bool = False
    rank_by: RankBy = RankBy.CHOICE


async def read_users(session: AsyncSession, user_ids: Collection[str]) -> dict[str, KnownUser]:
    """The known users among these, with all that they did."""
    users = await RatingRepository(session).with_users(user_ids)
    interactions = await InteractionRepository(session).of_users(users)
    skipped = await SkipRepository(session).of_users(users)
    return {
        user_id: (state, Feedback(ratings, interactions.get(user_id, ()), skipped.get(user_id, ())))
        for user_id, (state, ratings) in users.items()
    }


def ranking_query(
    served: ServedModel, attributes: Mapping[str, object], feedback: Feedback, options: ListOptions
) -> RankingQuery:
    """The query for the list of a user."""
    return RankingQuery(
        attributes=known_attributes(attributes, served.schema.users),
        ratings=item_ratings(feedback.ratings),
        n=options.n,
        exclude=options.exclude,
        include_rated=options.include_rated,
        where=options.filters,
        rank_by=options.rank_by,
        interactions=item_interactions(feedback.interactions, served.schema.kinds),
        skipped=feedback.skipped,
    )


def item_ratings(ratings: Iterable[RatingRecord]) -> list[ItemRating]:
    """A user's ratings as a learner takes them; one without a time, or made in the future, counts as made now."""
    now = datetime.now(UTC)
    return [ItemRating(each.item_id, each.rating, _seconds(each.rated_at, now)) for each in ratings]


def item_interactions(interactions: Iterable[InteractionRecord], kinds: Mapping[str, float]) -> list[ItemInteraction]:
    """Of a user's interactions with each item, the one that counts, as in training (`without_repetitions`).

    It is that of the strongest kind, whose weight is furthest from 0, and of equally strong ones the latest. Kinds that
    the model does not know do not count. Times are as in `item_ratings`. They are in the order of their times.

    Args:
        interactions: The interactions.
        kinds: The kinds and their weights (`DatasetSchema.kinds`).
    """
    now = datetime.now(UTC)
    known = [each for each in interactions if each.kind in kinds]
    # The kind's name is last, so that the result does not depend on the order in which a database returns rows.
    known.sort(key=lambda each: (abs(kinds[each.kind]), min(each.occurred_at or now, now), each.kind))
    counted = {each.item_id: each for each in known}
    found = [ItemInteraction(each.item_id, each.kind, _seconds(each.occurred_at, now)) for each in counted.values()]
    return sorted(found, key=lambda each: (each.time, each.item_id))


def _seconds(moment: datetime | None, now: datetime) -> int:
    return math.floor(min(moment or now, now).timestamp())
