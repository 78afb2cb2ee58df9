"""Users, items and short names for tests of rankings of the two-tastes films."""

from collections.abc import Mapping, Sequence
from typing import Any

from models.artifact import TrainedModel
from models.data.dataset import Entities
from models.data.entity_table import entity_table
from models.fields import AttributeValue
from models.ranking import ItemRating, RankedItem, Recommender
from models.ranking.query import RankBy

Ratings = list[ItemRating]

COMEDY_FAN: Ratings = [ItemRating("i1", 5.0), ItemRating("i3", 5.0), ItemRating("i2", 1.0), ItemRating("i4", 1.0)]
HORROR_FAN: Ratings = [ItemRating(liked.item_id, 6.0 - liked.rating) for liked in COMEDY_FAN]
NOTHING: dict[str, Any] = {"attributes": {}, "ratings": []}


def items_of(model: TrainedModel, *rows: tuple[str, Mapping[str, AttributeValue]]) -> Entities:
    named = [(item_id, f"Title of {item_id}", attributes) for item_id, attributes in rows]
    return entity_table(model.schema.items.fields, named)


def without_items(recommender: Recommender) -> Recommender:
    return recommender.with_changes(items_of(recommender.model), recommender.items.ids)


def ids(ranked: Sequence[Any]) -> list[str]:
    return [item.item_id for item in ranked]


def genres(ranked: Sequence[RankedItem]) -> list[str]:
    """The genres of two-tastes films: odd numbers are comedies, even numbers are horror films."""
    return ["comedy" if int(item.item_id[1:]) % 2 else "horror" for item in ranked]


def by_id(ranked: Sequence[RankedItem]) -> dict[str, float]:
    return {item.item_id: item.predicted_rating for item in ranked}


def shown_score(item: RankedItem, rank_by: RankBy) -> float:
    """What orders a list, from the shown figures of a model without a P(like); the films have ratings from 1 to 5."""
    if rank_by is RankBy.RATING:
        return item.predicted_rating
    return item.choice_probability * (item.predicted_rating - 1) / 4
