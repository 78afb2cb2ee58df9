"""Users of a data set as queries, and the quality of the lists that they get."""

from collections.abc import Collection, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.data.dataset import UNKNOWN_TIME, Dataset
from models.data.episodes import Episode
from models.evaluation.estimates import estimate_means
from models.evaluation.figures import Estimate
from models.fields import AttributeValue
from models.ranking import ItemRating, RankedItem, RankingQuery

RESAMPLES = 1000
LENGTH = 10


def attributes_of(dataset: Dataset, user: int) -> dict[str, AttributeValue]:
    """The attributes of a user (a row of the data set)."""
    return dataset.users.table.drop("id", "title").row(user, named=True)


def query_of(dataset: Dataset, episode: Episode, **options: Any) -> RankingQuery:  # noqa: ANN401 - fields of the query
    """The query of an episode's user, at the time of the earliest query rating."""
    times = [UNKNOWN_TIME] * len(episode.support_items)
    now = {}
    if episode.support_times is not None and episode.query_times is not None:
        times = episode.support_times.tolist()
        now["now"] = int(episode.query_times.min())
    ids = dataset.items.ids
    return RankingQuery(
        attributes=attributes_of(dataset, episode.user),
        ratings=[
            ItemRating(ids[item], rating, time)
            for item, rating, time in zip(
                episode.support_items.tolist(), episode.support_ratings.tolist(), times, strict=True
            )
        ],
        n=LENGTH,
        **now,
        **options,
    )


def rows_of(dataset: Dataset, ranked: Sequence[RankedItem]) -> NDArray[np.int64]:
    """The items of a list as rows of the data set; int64 [items]."""
    return np.array([dataset.items.row_of[item.item_id] for item in ranked], dtype=np.int64)


def ndcg(rows: NDArray[np.int64], relevant: Collection[int]) -> float:
    """The nDCG of one list, cut off at its own length; see `models.metrics.lists.ndcg`."""
    discounts = 1.0 / np.log2(np.arange(2, len(rows) + 2))
    hits = np.isin(rows, list(relevant))
    return float(hits @ discounts / discounts[: min(len(rows), len(relevant))].sum())


def recall(rows: NDArray[np.int64], relevant: Collection[int]) -> float:
    """Hits divided by the most possible ones; see `models.metrics.lists.recall`."""
    return float(np.isin(rows, list(relevant)).sum() / min(len(rows), len(relevant)))


def mean_of(values: NDArray[np.float64]) -> Estimate:
    """The mean of float64 [users] with its bootstrap interval."""
    (estimate,) = estimate_means(values[:, None], resamples=RESAMPLES, seed=0)
    return estimate
