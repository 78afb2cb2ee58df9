"""The statistics of the items by which strategies rank: popularity, entropy and gradient value (MeLU, §3.4)."""

from collections.abc import Iterator

import numpy as np
import polars as pl
import torch
from numpy.typing import NDArray

from models.data.dataset import Dataset, State
from models.data.episodes import Episode, EpisodeBatch, batches
from models.learners.base import AnyLearner
from models.learners.episode_predictions import AdaptedEpisodes, EncodedData, embed_episodes

_BATCH_USERS = 32
"""Users who are adapted at once, which bounds the memory."""


def item_statistics(
    learner: AnyLearner, data: EncodedData, dataset: Dataset, training: NDArray[np.bool_]
) -> pl.DataFrame:
    """Compute the statistics of the items from the training ratings.

    The gradient value of an item is the mean norm of the gradient of its predicted rating, at the adapted parameters of
    each user who rated it. It is divided by the maximum over items.

    Args:
        learner: The trained learner.
        data: The data set's users and items, encoded.
        dataset: The data set.
        training: bool [ratings], the ratings that may be used.

    Returns:
        One row per item, in the order of the items: `id`, `rating_count`, `rating_mean` (null without ratings),
        `rating_entropy` in nats, and `gradient_value` in [0, 1]. With a learner without gradient norms all gradient
        values are 1, so that gradient value × popularity is the popularity.
    """
    items, values = dataset.ratings.items[training], dataset.ratings.values[training]
    count = len(dataset.items)
    counts = np.bincount(items, minlength=count)
    sums = np.bincount(items, weights=values, minlength=count)
    return pl.DataFrame(
        {
            "id": dataset.items.ids,
            "rating_count": counts,
            "rating_mean": np.divide(sums, counts, out=np.full(count, np.nan), where=counts > 0),
            "rating_entropy": _entropies(items, values, count),
            "gradient_value": _gradient_values(learner, data, dataset, training, counts),
        }
    ).with_columns(pl.col("rating_mean").fill_nan(None))


def _gradient_values(
    learner: AnyLearner,
    data: EncodedData,
    dataset: Dataset,
    training: NDArray[np.bool_],
    counts: NDArray[np.int64],
) -> NDArray[np.float64]:
    """The gradient value of each item; float64 [items]. All are 1 with a learner without gradient norms."""
    sums = np.zeros(len(counts))
    for batch, episodes in adapted_histories(learner, data, dataset, training):
        with torch.no_grad():
            norms = learner.gradient_norms(episodes.adapted, episodes.users, episodes.query_items)
        if norms is None:
            return np.ones(len(counts))
        values = norms.cpu().numpy()[batch.query_mask]
        sums += np.bincount(batch.query_items[batch.query_mask], weights=values, minlength=len(counts))
    means = sums / np.maximum(counts, 1)
    return np.asarray(means / means.max())


def adapted_histories(
    learner: AnyLearner, data: EncodedData, dataset: Dataset, training: NDArray[np.bool_]
) -> Iterator[tuple[EpisodeBatch, AdaptedEpisodes]]:
    """Adapt to each user's training ratings, in batches. They are both the support set and the query set.

    The arguments are those of `item_statistics`.
    """
    learner.eval()
    for _, batch in batches(_whole_histories(dataset, training), _BATCH_USERS):
        with torch.no_grad():
            adapted = embed_episodes(learner, data, batch).adapt()
        yield batch, adapted


def _whole_histories(dataset: Dataset, training: NDArray[np.bool_]) -> list[Episode]:
    rows = np.flatnonzero(training)
    users = dataset.ratings.users[rows]
    histories = np.split(rows, np.flatnonzero(np.diff(users)) + 1)
    return [
        Episode.of(
            dataset.ratings,
            state=State.WARM,
            user=int(dataset.ratings.users[history[0]]),
            support=history,
            query=history,
        )
        for history in histories
    ]


def _entropies(items: NDArray[np.int32], values: NDArray[np.float32], count: int) -> NDArray[np.float64]:
    """Entropy of each item's distribution of ratings, in nats; 0 without ratings."""
    levels, level_of = np.unique(values, return_inverse=True)
    table = np.bincount(items * len(levels) + level_of, minlength=count * len(levels)).reshape(count, -1)
    shares = table / np.maximum(table.sum(axis=1, keepdims=True), 1)
    return np.asarray(-(shares * np.log(np.where(shares > 0, shares, 1.0))).sum(axis=1))
