"""What is asked of a ranking, and what it answers."""

import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from models.data.dataset import UNKNOWN_TIME
from models.fields import AttributeValue


def _seconds_now() -> int:
    return int(time.time())


@dataclass(frozen=True)
class ItemRating:
    """A user's rating of an item.

    Attributes:
        item_id: The item.
        rating: On the rating scale.
        time: When it was made, in seconds since 1970; `UNKNOWN_TIME` if unknown.
    """

    item_id: str
    rating: float
    time: int = UNKNOWN_TIME


@dataclass(frozen=True)
class RankingQuery:
    """What somebody wants ranked for a user.

    Attributes:
        attributes: What is known of the user, by field; missing fields and unseen values are unknown.
        ratings: The user's; those of items outside the catalogue are ignored.
        n: Most items to return.
        exclude: Items to leave out.
        include_rated: Whether items that were rated may be in the list.
        where: Field → values; only items with one of the values of every field.
        now: When the user's predictions are wanted, in seconds since 1970.
    """

    attributes: Mapping[str, AttributeValue]
    ratings: Sequence[ItemRating]
    n: int
    exclude: Collection[str] = ()
    include_rated: bool = False
    where: Mapping[str, Sequence[str]] = field(default_factory=dict)
    now: int = field(default_factory=_seconds_now)

    @property
    def knows_something(self) -> bool:
        """Whether anything is known of the user."""
        return bool(self.ratings) or any(value is not None for value in self.attributes.values())

    @property
    def left_out(self) -> set[str]:
        """Items that may not be in the list."""
        rated = () if self.include_rated else (rating.item_id for rating in self.ratings)
        return {*self.exclude, *rated}


@dataclass(frozen=True)
class RankedItem:
    """A recommendation.

    Attributes:
        item_id: The item.
        title: Its name, if it has one.
        predicted_rating: What this user is expected to rate it, on the rating scale.
        like_probability: The chance that this user likes it (`RatingScale.liked_from`); None from a model that predicts
            no distribution.
        rank: Place in the list, from 1.
    """

    item_id: str
    title: str | None
    predicted_rating: float
    like_probability: float | None
    rank: int
