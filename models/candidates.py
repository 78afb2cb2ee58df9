"""Evidence candidates: which items are worth asking a new user to rate (MeLU, Lee et al., KDD 2019, §3.4)."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np
import polars as pl
import torch
from numpy.typing import NDArray

from models.data.dataset import Dataset, State
from models.data.episodes import Episode, EpisodeBatch, batches
from models.episode_predictions import EncodedData
from models.learner import Learner, Support

_BATCH_USERS = 32


class Strategy(StrEnum):
    """How candidates are chosen."""

    GRADIENT_POPULARITY = "gradient_popularity"
    """Gradient value × popularity value, the paper's."""
    POPULARITY = "popularity"
    """How many rated an item."""
    POPULARITY_ENTROPY = "popularity_entropy"
    """log(1 + popularity) × entropy of the ratings (Rashid et al., IUI 2002, §3.3)."""
    RANDOM = "random"
    """Any item, drawn from a seed."""


@dataclass(frozen=True)
class Candidate:
    """An item to ask about.

    Attributes:
        item_id: The item.
        title: Its name, if it has one.
        score: What the strategy ranked it by, in [0, 1].
    """

    item_id: str
    title: str | None
    score: float


def item_statistics(
    learner: Learner[Any], data: EncodedData, dataset: Dataset, training: NDArray[np.bool_]
) -> pl.DataFrame:
    """What the strategies need to know of every item, from the training ratings alone.

    Args:
        learner: The trained learner.
        data: The data set's users and items, encoded.
        dataset: The data set.
        training: bool [ratings], the ratings that may be used.

    Returns:
        One row an item, in the items' order: `id`, `rating_count`, `rating_mean` (null without ratings),
        `rating_entropy` in nats, and `gradient_value`, the mean over the users who rated the item of the norm of its
        rating's gradient at the user's locally updated decision layers, divided by the maximum over items: in [0, 1].
    """
    items, values = dataset.ratings.items[training], dataset.ratings.values[training]
    count = len(dataset.items)
    counts = np.bincount(items, minlength=count)
    sums = np.bincount(items, weights=values, minlength=count)
    norms = np.zeros(count)
    for batch, batch_norms in _norms_of_batches(learner, data, _whole_histories(dataset, training)):
        norms += np.bincount(
            batch.query_items[batch.query_mask], weights=batch_norms[batch.query_mask], minlength=count
        )
    mean_norms = norms / np.maximum(counts, 1)
    return pl.DataFrame(
        {
            "id": dataset.items.ids,
            "rating_count": counts,
            "rating_mean": np.divide(sums, counts, out=np.full(count, np.nan), where=counts > 0),
            "rating_entropy": _entropies(items, values, count),
            "gradient_value": mean_norms / mean_norms.max(),
        }
    ).with_columns(pl.col("rating_mean").fill_nan(None))


def strategy_scores(statistics: pl.DataFrame, strategy: Strategy, *, seed: int = 0) -> NDArray[np.float64]:
    """What each strategy ranks items by.

    Args:
        statistics: A table as of `item_statistics`.
        strategy: The strategy.
        seed: Of the random strategy.

    Returns:
        float64 [items], in [0, 1].
    """
    counts = statistics["rating_count"].to_numpy().astype(np.float64)
    popularity = counts / max(counts.max(initial=0.0), 1.0)
    match strategy:
        case Strategy.GRADIENT_POPULARITY:
            return np.asarray(statistics["gradient_value"].to_numpy() * popularity)
        case Strategy.POPULARITY:
            return np.asarray(popularity)
        case Strategy.POPULARITY_ENTROPY:
            scores = np.log1p(counts) * statistics["rating_entropy"].to_numpy()
            return np.asarray(scores / max(scores.max(initial=0.0), 1e-12))
        case Strategy.RANDOM:
            return np.random.default_rng(seed).random(len(counts))


def _whole_histories(dataset: Dataset, training: NDArray[np.bool_]) -> list[Episode]:
    """One episode a user, whose support and query are both all of the user's training ratings."""
    users = dataset.ratings.users[training]
    items, values = dataset.ratings.items[training], dataset.ratings.values[training]
    starts = np.flatnonzero(np.diff(users, prepend=-1))
    return [
        Episode(State.WARM, int(users[own.start]), items[own], values[own], items[own], values[own])
        for own in map(slice, starts, [*starts[1:], len(users)])
    ]


def _norms_of_batches(
    learner: Learner[Any], data: EncodedData, episodes: list[Episode]
) -> Iterator[tuple[EpisodeBatch, NDArray[np.float32]]]:
    learner.eval()
    for _, batch in batches(episodes, _BATCH_USERS):
        distinct, slots = torch.unique(data.tensor(batch.support_items), return_inverse=True)
        with torch.no_grad():
            users = learner.embed_users(data.users.take(data.tensor(batch.users)))
            items = learner.embed_items(data.items.take(distinct))[slots]
            support = Support(users, items, data.tensor(batch.support_ratings), data.tensor(batch.support_mask))
            norms = learner.gradient_norms(learner.adapt(support), users, items)
        yield batch, norms.cpu().numpy()


def _entropies(items: NDArray[np.int32], values: NDArray[np.float32], count: int) -> NDArray[np.float64]:
    """Entropy of each item's distribution of ratings, in nats; 0 without ratings."""
    levels, level_of = np.unique(values, return_inverse=True)
    table = np.bincount(items * len(levels) + level_of, minlength=count * len(levels)).reshape(count, -1)
    shares = table / np.maximum(table.sum(axis=1, keepdims=True), 1)
    return np.asarray(-(shares * np.log(np.where(shares > 0, shares, 1.0))).sum(axis=1))
