"""What is asked of a ranking, and what it answers."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from models.data.schema import AttributeValue


@dataclass(frozen=True)
class RankingQuery:
    """What somebody wants ranked for a user.

    Attributes:
        attributes: What is known of the user, by field; missing fields and unseen values are unknown.
        ratings: The user's, as item id and rating; those of items outside the catalogue are ignored.
        n: Most items to return.
        exclude: Items to leave out.
        include_rated: Whether items that were rated may be in the list.
        where: Field → values; only items with one of the values of every field.
    """

    attributes: Mapping[str, AttributeValue]
    ratings: Sequence[tuple[str, float]]
    n: int
    exclude: Collection[str] = ()
    include_rated: bool = False
    where: Mapping[str, Sequence[str]] = field(default_factory=dict)

    @property
    def knows_something(self) -> bool:
        """Whether anything is known of the user."""
        return bool(self.ratings) or any(value is not None for value in self.attributes.values())

    @property
    def left_out(self) -> set[str]:
        """Items that may not be in the list."""
        return {*self.exclude} if self.include_rated else {*self.exclude, *(item_id for item_id, _ in self.ratings)}


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
