"""The query and the result of a ranking."""

import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

from models.data.answers import Answer
from models.data.dataset import UNKNOWN_TIME
from models.fields import AttributeValue
from models.ranking.filters import Filter


def _seconds_now() -> int:
    return int(time.time())


class RankBy(StrEnum):
    """What the list of a known user is to be ordered by."""

    CHOICE = "choice"
    """P(choose) · P(like): what the user would choose and then like."""

    RATING = "rating"
    """The user's predicted ratings, whether the user would choose the items or not."""


class RankedBy(StrEnum):
    """What orders a list."""

    POPULARITY = "popularity"
    """What most people choose and like, of different kinds: the list for strangers (`models.ranking.popular`)."""

    CHOICE = "choice"
    """P(choose) · P(like), highest first."""

    RATING = "rating"
    """The user's predicted ratings, highest first."""

    POPULAR = "popular"
    """How many people chose the items; one of the lists that a stranger's list may start with."""

    TRENDING = "trending"
    """How much more often than before the items were chosen; another one."""

    LATEST = "latest"
    """How new the items are; another one."""

    @property
    def is_personal(self) -> bool:
        """Whether the list follows what is known of the user."""
        return self in {RankedBy.CHOICE, RankedBy.RATING}


@dataclass(frozen=True)
class Leading:
    """What the list for a stranger starts with, instead of what most people choose and like.

    Attributes:
        ranked_by: What orders the items.
        item_ids: The items, best first. Those that may not be in the list are ignored.
    """

    ranked_by: RankedBy
    item_ids: Sequence[str]


class ItemRating(NamedTuple):
    """A user's rating of an item.

    Attributes:
        item_id: The item.
        rating: On the rating scale.
        time: Time of the rating, in seconds since 1970; `UNKNOWN_TIME` if unknown.
    """

    item_id: str
    rating: float
    time: int = UNKNOWN_TIME


@dataclass(frozen=True)
class ItemInteraction:
    """A user's interaction with an item.

    Attributes:
        item_id: The item.
        kind: One of the kinds in `DatasetSchema.kinds`.
        time: Time of the interaction, in seconds since 1970; `UNKNOWN_TIME` if unknown.
    """

    item_id: str
    kind: str
    time: int = UNKNOWN_TIME


@dataclass(frozen=True)
class Boost:
    """A rule that raises or lowers some items in a list.

    Attributes:
        factor: What the score P(choose) · P(like) of an item is multiplied by; more than 0. In a list by ratings, the
            logarithm of the factor is added to the predicted rating that orders the items.
        item_ids: Only these items; unknown ids are ignored. None for all items.
        where: Only items that fulfil these conditions.
    """

    factor: float
    item_ids: Sequence[str] | None = None
    where: Filter = field(default_factory=dict)


@dataclass(frozen=True)
class RankingQuery:
    """A request to rank the catalogue for one user.

    Attributes:
        attributes: The user's attributes by field; missing fields and unseen values count as unknown.
        ratings: The user's ratings; ratings of items outside the catalogue are ignored.
        n: How many items to return at most.
        exclude: Ids of items that may not be in the list.
        include_rated: Whether rated items and items with interactions may be in the list. Items that the user does not
            want (`DatasetSchema.kinds`) may never be.
        where: The list has only items that fulfil these conditions.
        now: Time of the request, in seconds since 1970.
        rank_by: What orders the list.
        interactions: What the user did with items that the user has not rated, at most one for each item. Those of
            items outside the catalogue, of rated items, and of kinds that the model's schema does not name are ignored.
        skipped: Ids of items that the user does not know: the user was asked about them and skipped them. Items outside
            the catalogue, rated items and items with interactions are ignored.
        only: Ids of the only items that may be in the list, known to the user or not; None for the whole
            catalogue.
        diversity: How different the items of the list are to be, from 0 to 1 (`diverse_places`). None stands for
            `STRANGERS_DIVERSITY` in the list for strangers, and for 0 in other lists.
        boosts: Rules that raise or lower items. If several apply to an item, their factors are multiplied.
        pinned: Ids of items that come first, in this order. Items that may not be in the list are ignored.
        explore: How much the list tries items that are not well known yet, such as new ones, from 0 to 1
            (`models.ranking.exploration`). A list by ratings does not explore.
        seed: Seed of the exploration; None for a new draw each time.
        answers: What the user answered to questions about groups of items, attributes and pairs.
        leading: What the list starts with if nothing is known of the user (`models.ranking.strangers`); None for the
            list of what most people choose and like.
    """

    attributes: Mapping[str, AttributeValue]
    ratings: Sequence[ItemRating]
    n: int
    exclude: Collection[str] = ()
    include_rated: bool = False
    where: Filter = field(default_factory=dict)
    now: int = field(default_factory=_seconds_now)
    rank_by: RankBy = RankBy.CHOICE
    interactions: Sequence[ItemInteraction] = ()
    skipped: Collection[str] = ()
    only: Collection[str] | None = None
    diversity: float | None = None
    boosts: Sequence[Boost] = ()
    pinned: Sequence[str] = ()
    explore: float = 0.0
    seed: int | None = None
    answers: Sequence[Answer] = ()
    leading: Leading | None = None

    @property
    def knows_something(self) -> bool:
        """Whether anything is known of the user: what the user did, or an attribute."""
        did_something = bool(self.ratings or self.interactions or self.skipped or self.answers)
        return did_something or any(value is not None for value in self.attributes.values())

    def counted_interactions(self, kinds: Collection[str]) -> list[ItemInteraction]:
        """The interactions that say something: those of a known kind, with items that the user has not rated.

        Args:
            kinds: The kinds of interactions (`DatasetSchema.kinds`).
        """
        rated = {rating.item_id for rating in self.ratings}
        return [each for each in self.interactions if each.kind in kinds and each.item_id not in rated]

    def excluded(self, kinds: Mapping[str, float]) -> set[str]:
        """Ids of all items that may not be in the list.

        Args:
            kinds: The kinds of interactions and their weights (`DatasetSchema.kinds`).
        """
        if self.only is not None:
            return set(self.exclude)
        rated = () if self.include_rated else (rating.item_id for rating in self.ratings)
        interacted = (
            interaction.item_id
            for interaction in self.interactions
            if not self.include_rated or kinds.get(interaction.kind, 0) < 0
        )
        return {*self.exclude, *rated, *interacted}


class RankedItem(NamedTuple):
    """A recommendation.

    Attributes:
        item_id: The item.
        title: Its name, if it has one.
        predicted_rating: The user's expected rating of the item, on the rating scale; None from a model that predicts
            no ratings.
        choice_probability: The probability that the user's next choice among the items that may be in the list is this
            one. In a large catalogue, "the items" are those of the shortlist.
        like_probability: The probability that the user likes the item (`RatingScale.liked_from`); None from a model
            that predicts no distribution of ratings.
        rank: The place in the list, from 1.
    """

    item_id: str
    title: str | None
    predicted_rating: float | None
    choice_probability: float
    like_probability: float | None
    rank: int
