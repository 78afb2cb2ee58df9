"""A user's tastes in words: attribute values that the user is expected to choose more, or less, than strangers."""

import math
from dataclasses import dataclass

import numpy as np
import polars as pl
import torch
from numpy.typing import NDArray
from torch import Tensor

from models.data.item_values import item_values
from models.ranking import Recommender
from models.ranking.best import best_places
from models.ranking.liking import log_liking
from models.ranking.query import RankBy, RankingQuery
from models.ranking.supports import QuerySupports

_POPULAR = 2_000
"""Tastes are computed over the items with the most ratings, at most this many. It bounds the time."""

_MIN_ITEMS = 5
"""A value that fewer of these items have is no taste, because its share depends on single items."""

_MIN_ODDS_RATIO = 1.25
"""A value is a taste only if the odds ratio of the user and a stranger is at least this, or at most 1 divided by this.
It decides what is shown, and shapes no model."""

_MIN_DIFFERENCE = 0.01
"""Smallest difference of the shares. It leaves out values that both the user and a stranger rarely choose."""

_LEAST = 1e-9
"""Numerical tolerance: it keeps the logarithm of the odds finite."""


@dataclass(frozen=True)
class Taste:
    """An attribute value that the user is expected to choose and like more, or less, often than a stranger.

    A stranger is a user without attributes, ratings and interactions.

    Attributes:
        field: The attribute.
        value: Its value; a decade such as "1990s" for the field of dates.
        share: The probability that the next item that the user chooses and likes has the value.
        share_of_strangers: This probability for a stranger.
        items: How many of the considered items have the value.
    """

    field: str
    value: str
    share: float
    share_of_strangers: float
    items: int

    @property
    def log_odds_ratio(self) -> float:
        """The logarithm of the odds ratio: the user's log odds of the value minus a stranger's."""
        return _log_odds(self.share) - _log_odds(self.share_of_strangers)

    @property
    def strength(self) -> float:
        """The symmetric divergence (Jeffreys 1946) of "has the value or not", for the user and for a stranger.

        It is (p − q) · (logit p − logit q), so neither rare nor frequent values have an advantage.
        """
        return (self.share - self.share_of_strangers) * self.log_odds_ratio


@dataclass(frozen=True)
class Tastes:
    """What a user likes and dislikes more than a stranger does, by the model; the strongest first."""

    likes: list[Taste]
    dislikes: list[Taste]


def tastes(recommender: Recommender, query: RankingQuery, *, n: int) -> Tastes:
    """Describe what a model learned about a user, in attribute values.

    The items with the most ratings are considered, without items that are hidden and items that the user has rated or
    interacted with. Let w be P(choose) · P(like) of an item, divided by its sum over the considered items. So w is the
    probability that this item is the next one that the user chooses and likes. A value's share is the sum of w over
    the items that have it. It is compared with a stranger's share. Values are the genres, people and other categories
    that can filter items, and the decades of a field of years.

    Args:
        recommender: The recommender whose lists are explained.
        query: The user.
        n: How many likes, and how many dislikes, to return at most.

    Returns:
        Likes are values with an odds ratio of at least 1.25, dislikes those with at most 1/1.25. The shares must differ
        by at least 0.01. The strongest come first. A like has one more condition: the probability that the next chosen
        item has the value and is liked is at least a stranger's. So a user who dislikes everything has no likes. Both
        lists are empty for a stranger.
    """
    rows = _considered_rows(recommender, query) if query.knows_something else np.empty(0, dtype=np.int64)
    if not len(rows):
        return Tastes([], [])
    own, strangers = _weights(recommender, query, rows)
    liking = own.sum() / strangers.sum()
    shares = pl.DataFrame({"own": own / own.sum(), "strangers": strangers / strangers.sum()})
    found = [
        Taste(name, *value)
        for name, pairs in item_values(recommender.model.schema.items, recommender.catalogue.attributes(rows))
        for value in _sums(pairs, shares).filter(pl.col("items") >= _MIN_ITEMS).rows()
    ]
    found = [taste for taste in found if abs(taste.share - taste.share_of_strangers) >= _MIN_DIFFERENCE]
    found.sort(key=lambda taste: (-taste.strength, taste.field, taste.value))
    likes = [taste for taste in found if taste.log_odds_ratio >= math.log(_MIN_ODDS_RATIO)]
    dislikes = [taste for taste in found if taste.log_odds_ratio <= -math.log(_MIN_ODDS_RATIO)]
    return Tastes([taste for taste in likes if liking * taste.share >= taste.share_of_strangers][:n], dislikes[:n])


def _log_odds(share: float) -> float:
    return math.log(max(share, _LEAST) / max(1 - share, _LEAST))


def _considered_rows(recommender: Recommender, query: RankingQuery) -> NDArray[np.int64]:
    """The rows over which tastes are computed, rising."""
    catalogue = recommender.catalogue
    did = {rating.item_id for rating in query.ratings} | {each.item_id for each in query.interactions}
    rows = np.flatnonzero(catalogue.allowed(did, {}))
    counts = catalogue.counts[rows]
    return np.sort(rows[best_places(counts.astype(np.float64), counts, _POPULAR)])


def _weights(
    recommender: Recommender, query: RankingQuery, rows: NDArray[np.int64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """P(choose) · P(like) of each row's item for the user, and for a stranger; float64 [rows]."""
    model, catalogue = recommender.model, recommender.catalogue
    with torch.inference_mode():
        supports = QuerySupports(catalogue, [query])
        support, adapted = supports.adapted(RankBy.CHOICE)
        user, unknown = catalogue.unknown_user
        own = catalogue.scores(RankBy.CHOICE, adapted, support.users, rows).log_softmax(dim=1)
        strangers = catalogue.scores(RankBy.CHOICE, unknown, user, rows).log_softmax(dim=1)
        if model.learner is not None:
            learner, scale, vectors = model.learner, model.rating_scale, catalogue.vectors(rows[None])
            support, adapted = supports.adapted(RankBy.RATING)
            user, unknown = catalogue.unknown_rater
            own = own + log_liking(learner.predict(adapted, support.users, vectors), scale)
            strangers = strangers + log_liking(learner.predict(unknown, user, vectors), scale)
        return _probabilities(own), _probabilities(strangers)


def _probabilities(logarithms: Tensor) -> NDArray[np.float64]:
    return np.asarray(logarithms[0].double().exp().cpu().numpy())


def _sums(pairs: pl.DataFrame, shares: pl.DataFrame) -> pl.DataFrame:
    """The columns `value`, `own`, `strangers` and `items`: the sums of the shares of the items with each value."""
    with_shares = pl.concat([pairs, shares[pairs["row"]]], how="horizontal")
    # Rounded, the share of a value that all items have may be more than 1.
    return with_shares.group_by("value").agg(pl.col("own", "strangers").sum().clip(0, 1), pl.len().alias("items"))
