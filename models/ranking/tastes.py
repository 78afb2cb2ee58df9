"""A user's tastes in words: the attribute values that the model expects the user to choose more or less than others."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import polars as pl
import torch
from numpy.typing import NDArray
from torch import Tensor

from models.fields import field_type
from models.ranking import Recommender
from models.ranking.best import best_places
from models.ranking.liking import log_liking
from models.ranking.query import RankBy, RankingQuery
from models.ranking.supports import QuerySupports

_POPULAR = 2_000
"""Tastes are computed over the items with the most ratings, at most this many. It bounds the time."""

_MIN_ITEMS = 5
"""A value that fewer of these items have is no taste: its share hangs on single items."""

_MIN_ODDS_RATIO = 1.25
"""A value is a taste only if the user's odds of it are this many times a stranger's, or a stranger's this many times
the user's. It decides what is shown, and shapes no model."""

_MIN_DIFFERENCE = 0.01
"""Smallest difference of the shares. A value that neither the user nor a stranger often chooses is not worth saying."""

_LEAST = 1e-9
"""Numerical tolerance: it keeps the logarithm of the odds finite."""

_YEARS = (1000, 3000)
"""A date field whose values all lie between these has years, and decades are values of it."""


@dataclass(frozen=True)
class Taste:
    """An attribute value that the user is expected to choose and like more, or less, than a stranger.

    Attributes:
        field: The attribute.
        value: Its value; a decade such as "1990s" for the field of dates.
        share: The share of items with the value in what the user would choose and like next.
        share_of_strangers: The same for a user of whom nothing is known.
        items: How many items have the value, of those that were considered.
    """

    field: str
    value: str
    share: float
    share_of_strangers: float
    items: int

    @property
    def log_odds_ratio(self) -> float:
        """How much higher the user's log odds of the value are than a stranger's."""
        return _log_odds(self.share) - _log_odds(self.share_of_strangers)

    @property
    def strength(self) -> float:
        """The symmetric divergence (Jeffreys 1946) of "has the value or not", for the user and for a stranger.

        It is (p − q) · (logit p − logit q), so neither rare nor frequent values have an advantage.
        """
        return (self.share - self.share_of_strangers) * self.log_odds_ratio


@dataclass(frozen=True)
class Tastes:
    """What a user seems to like and to dislike compared with a stranger, the strongest first."""

    likes: list[Taste]
    dislikes: list[Taste]


def tastes(recommender: Recommender, query: RankingQuery, *, n: int) -> Tastes:
    """Say what a model concluded of a user in attribute values.

    Let w be P(choose) · P(like) of an item, divided by its sum over the considered items: the distribution of the
    item that the user chooses and likes next. A value's share is the sum of w over the items that have it. It is
    compared with the share for a user of whom nothing is known. Values are the genres, people and other categories by
    which items can be filtered, and the decades of a field of years.

    Considered are the present items with the most ratings, without those that the user has rated or interacted with.

    Args:
        recommender: The recommender whose lists are explained.
        query: The user.
        n: How many likes, and how many dislikes, to return at most.

    Returns:
        Values whose odds are at least 1.25 times a stranger's, and values whose odds are at most 1/1.25 of these, if
        the shares differ by at least 0.01; the strongest first. A value is no like if somebody who dislikes everything
        dislikes it least: the probability that the next chosen item has the value and is liked must not be less than
        a stranger's. Both lists are empty if nothing is known of the user.
    """
    rows = _considered_rows(recommender, query) if query.knows_something else np.empty(0, dtype=np.int64)
    if not len(rows):
        return Tastes([], [])
    own, strangers = _weights(recommender, query, rows)
    liking = own.sum() / strangers.sum()
    shares = pl.DataFrame({"own": own / own.sum(), "strangers": strangers / strangers.sum()})
    found = [
        Taste(name, *value)
        for name, pairs in _values(recommender, rows)
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
        support = supports.of(RankBy.CHOICE)
        user, unknown = catalogue.unknown_user
        own = catalogue.scores(RankBy.CHOICE, model.choice.adapt(support), support.users, rows).log_softmax(dim=1)
        strangers = catalogue.scores(RankBy.CHOICE, unknown, user, rows).log_softmax(dim=1)
        if model.learner is not None:
            learner, scale, vectors = model.learner, model.rating_scale, catalogue.vectors(rows[None])
            support = supports.of(RankBy.RATING)
            user, unknown = catalogue.unknown_rater
            own = own + log_liking(learner.predict(learner.adapt(support), support.users, vectors), scale)
            strangers = strangers + log_liking(learner.predict(unknown, user, vectors), scale)
        return _probabilities(own), _probabilities(strangers)


def _probabilities(logarithms: Tensor) -> NDArray[np.float64]:
    return np.asarray(logarithms[0].double().exp().cpu().numpy())


def _sums(pairs: pl.DataFrame, shares: pl.DataFrame) -> pl.DataFrame:
    """The columns `value`, `own`, `strangers` and `items`: the sums of the shares of the items with each value."""
    with_shares = pl.concat([pairs, shares[pairs["row"]]], how="horizontal")
    # Rounded, the share of a value that all items have may be more than 1.
    return with_shares.group_by("value").agg(pl.col("own", "strangers").sum().clip(0, 1), pl.len().alias("items"))


def _values(recommender: Recommender, rows: NDArray[np.int64]) -> Iterator[tuple[str, pl.DataFrame]]:
    """Fields, and the values that some rows have: the columns `row` (a place in `rows`) and `value`."""
    source = recommender.model.schema.items
    table = recommender.catalogue.attributes(rows)
    for field in source.fields:
        kind = field_type(field)
        if kind.filterable and not kind.ordered:
            yield field.name, kind.filter_values(table[field.name]).unique()
        elif field.name == source.date:
            years = table[field.name].alias("year").to_frame().with_row_index("row").drop_nulls()
            if years["year"].is_between(*_YEARS).all():
                decade = (pl.col("year") // 10 * 10).cast(pl.Int64).cast(pl.String) + "s"
                yield field.name, years.select("row", value=decade)
