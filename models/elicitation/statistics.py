"""The statistics of the items by which strategies rank: popularity, entropy and gradient value (MeLU, §3.4)."""

from collections.abc import Iterator

import numpy as np
import polars as pl
import torch
from numpy.typing import NDArray
from torch import Tensor

from models.choice.model import ChoiceModel
from models.data.dataset import Dataset, State
from models.data.episodes import Episode, EpisodeBatch, batches
from models.inputs.encoder import ID_FIELD
from models.learners.base import AnyLearner
from models.learners.episode_predictions import AdaptedEpisodes, EncodedData, embed_episodes
from models.learners.episode_supports import batch_support

_TINY = 1e-12
"""Numerical tolerance: it keeps a division finite."""

_MOST_LEVELS = 20
"""Most different ratings that an entropy distinguishes; it bounds the memory."""

_BATCH_USERS = 32
"""Users who are adapted at once, which bounds the memory."""


def item_statistics(
    model: AnyLearner | ChoiceModel, data: EncodedData, dataset: Dataset, training: NDArray[np.bool_]
) -> pl.DataFrame:
    """Compute the statistics of the items from the training ratings and interactions.

    The gradient value of an item is the mean norm of the gradient of its predicted rating, at the adapted parameters of
    each user who rated it. It is divided by the maximum over items. With a choice model, it is the gradient of
    log P(choose).

    Args:
        model: The trained learner, or the trained choice model of a model without a learner.
        data: The data set's users and items, encoded.
        dataset: The data set.
        training: bool [ratings], the ratings and interactions that may be used.

    Returns:
        One row per item, in the order of the items: `id`; `rating_count`, which counts interactions of wanted kinds
        too; `rating_mean`, of the ratings alone (null without ratings); `rating_entropy` in nats, likewise (0 without
        ratings); and `gradient_value` in [0, 1]. With a learner without gradient norms all gradient
        values are 1, so that gradient value × popularity is the popularity.
    """
    norms = (
        _choice_gradient_norms(model, data, dataset, training)
        if isinstance(model, ChoiceModel)
        else _rating_gradient_norms(model, data, dataset, training)
    )
    ratings, count = dataset.ratings, len(dataset.items)
    rated = training & ratings.rated
    items, values = ratings.items[rated], ratings.values[rated]
    sums = np.bincount(items, weights=values, minlength=count)
    numbers = np.bincount(items, minlength=count)
    return pl.DataFrame(
        {
            "id": dataset.items.ids,
            "rating_count": np.bincount(ratings.items[training & ratings.chosen], minlength=count),
            "rating_mean": np.divide(sums, numbers, out=np.full(count, np.nan), where=numbers > 0),
            "rating_entropy": _entropies(items, values, count),
            "gradient_value": _gradient_values(norms, count),
        }
    ).with_columns(pl.col("rating_mean").fill_nan(None))


def _gradient_values(norms: Iterator[tuple[EpisodeBatch, Tensor | None]], items: int) -> NDArray[np.float64]:
    """The mean gradient norm of each item, divided by the largest; float64 [items].

    All are 1 without norms, and without ratings.
    """
    sums, counts = np.zeros(items), np.zeros(items)
    for batch, of_batch in norms:
        if of_batch is None:
            return np.ones(items)
        queried = batch.query_items[batch.query_mask]
        sums += np.bincount(queried, weights=of_batch.cpu().numpy()[batch.query_mask], minlength=items)
        counts += np.bincount(queried, minlength=items)
    if not counts.any():
        return np.ones(items)
    means = sums / np.maximum(counts, 1)
    return np.asarray(means / max(means.max(), _TINY))


def _rating_gradient_norms(
    learner: AnyLearner, data: EncodedData, dataset: Dataset, training: NDArray[np.bool_]
) -> Iterator[tuple[EpisodeBatch, Tensor | None]]:
    """The gradient norms of the users' rated items, in batches; None from a learner without gradient norms."""
    for batch, episodes in adapted_histories(learner, data, dataset, training & dataset.ratings.rated):
        with torch.no_grad():
            yield batch, learner.gradient_norms(episodes.adapted, episodes.users, episodes.query_items)


def _choice_gradient_norms(
    choice: ChoiceModel, data: EncodedData, dataset: Dataset, training: NDArray[np.bool_]
) -> Iterator[tuple[EpisodeBatch, Tensor | None]]:
    """The gradient norms of log P(choose) of the users' items, in batches."""
    choice.eval()
    ids = data.items.fields[ID_FIELD]
    for _, batch in batches(_whole_histories(dataset, training), _BATCH_USERS):
        with torch.no_grad():
            items = choice.known(ids[data.tensor(batch.query_items)])
            users = choice.embed_users(data.users.take(data.tensor(batch.users)))
            support = batch_support(batch, users, items, data.tensor)
            yield batch, choice.gradient_norms(choice.adapt(support), items)


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
        if len(history)
    ]


def _entropies(items: NDArray[np.int32], values: NDArray[np.float32], count: int) -> NDArray[np.float64]:
    """Entropy of each item's distribution of ratings, in nats; 0 without ratings.

    Where there are many different ratings, it is that of the equally frequent ranges in which they lie: of ratings that
    hardly ever repeat, each would be as surprising as any other.
    """
    levels, level_of = np.unique(values, return_inverse=True)
    if len(levels) > _MOST_LEVELS:
        edges = np.unique(np.quantile(values, np.linspace(0, 1, _MOST_LEVELS + 1)))
        level_of = np.searchsorted(edges[1:-1], values, side="right")
        levels = edges[:-1]
    table = np.bincount(items * len(levels) + level_of, minlength=count * len(levels)).reshape(count, -1)
    shares = table / np.maximum(table.sum(axis=1, keepdims=True), 1)
    return np.asarray(-(shares * np.log(np.where(shares > 0, shares, 1.0))).sum(axis=1))
