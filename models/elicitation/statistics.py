"""What the strategies know of every item: popularity, spread of the ratings, and gradient value (MeLU, §3.4)."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import polars as pl
import torch
from numpy.typing import NDArray

from models.data.dataset import Dataset, State
from models.data.episodes import Episode, EpisodeBatch, batches
from models.learners.base import Learner
from models.learners.episode_predictions import AdaptedEpisodes, EncodedData, adapt_to_episodes

_BATCH_USERS = 32


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
    for batch, adapted in adapted_histories(learner, data, dataset, training):
        with torch.no_grad():
            own = learner.gradient_norms(adapted.adapted, adapted.users, adapted.query_items).cpu().numpy()
        norms += np.bincount(batch.query_items[batch.query_mask], weights=own[batch.query_mask], minlength=count)
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


def adapted_histories(
    learner: Learner[Any], data: EncodedData, dataset: Dataset, training: NDArray[np.bool_]
) -> Iterator[tuple[EpisodeBatch, AdaptedEpisodes]]:
    """Users who are locally updated with all their training ratings, and have the same as query set, in batches.

    Arguments are those of `item_statistics`.
    """
    learner.eval()
    for _, batch in batches(_whole_histories(dataset, training), _BATCH_USERS):
        with torch.no_grad():
            adapted = adapt_to_episodes(learner, data, batch)
        yield batch, adapted


def _whole_histories(dataset: Dataset, training: NDArray[np.bool_]) -> list[Episode]:
    users = dataset.ratings.users[training]
    items, values = dataset.ratings.items[training], dataset.ratings.values[training]
    starts = np.flatnonzero(np.diff(users, prepend=-1))
    return [
        Episode(State.WARM, int(users[own.start]), items[own], values[own], items[own], values[own])
        for own in map(slice, starts, [*starts[1:], len(users)])
    ]


def _entropies(items: NDArray[np.int32], values: NDArray[np.float32], count: int) -> NDArray[np.float64]:
    """Entropy of each item's distribution of ratings, in nats; 0 without ratings."""
    levels, level_of = np.unique(values, return_inverse=True)
    table = np.bincount(items * len(levels) + level_of, minlength=count * len(levels)).reshape(count, -1)
    shares = table / np.maximum(table.sum(axis=1, keepdims=True), 1)
    return np.asarray(-(shares * np.log(np.where(shares > 0, shares, 1.0))).sum(axis=1))
