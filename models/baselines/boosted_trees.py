"""Gradient-boosted trees on statistics of the support set. They need LightGBM, an optional package."""

from collections.abc import Iterator
from typing import ClassVar, Self

import lightgbm
import numpy as np
from numpy.typing import NDArray

from models.baselines.base import Baseline
from models.baselines.collaborative_content import CollaborativeContent
from models.baselines.episode_rows import EpisodeRows
from models.data.dataset import Dataset
from models.data.episodes import EpisodeBatch
from models.data.training_episodes import TrainingEpisodes

_SEED = 0
"""Seed of the episodes and of the trees. It is fixed, so that the baseline is the same in every report."""

_TREES = 300
"""Number of trees."""

_LEAVES = 31
"""Leaves of a tree, LightGBM's default."""

_LEARNING_RATE = 0.05
"""Weight of each tree: half of LightGBM's default, for three times its default number of trees."""

_PASSES = 5
"""Episodes of each training user. It bounds the time and the memory."""

_SHARE_NEW = 0.3
"""Share of the training batches in which all items are treated as new, so that the trees learn to predict new items."""

_BATCH_USERS = 64
"""Users in a batch, which bounds the memory."""

_MAX_SUPPORT = 80
"""The largest support size, as in the presets."""

_MAX_QUERY = 20
"""The largest query size, as in the presets. It bounds the memory."""


class BoostedTrees(Baseline):
    """Trees (Ke et al., NIPS 2017) that minimise the absolute error of single query ratings.

    They are trained on episodes, and so learn how far to trust a support set of a given size. The item statistics of
    an episode must not depend on its query ratings. So those for one half of the users are fitted on the ratings of the
    other half. In a share of the batches all items are treated as new.
    """

    name: ClassVar[str] = "boosted trees"

    def __init__(self, booster: lightgbm.Booster, rows: EpisodeRows, items: CollaborativeContent) -> None:
        self._booster = booster
        self._rows = rows
        self._items = items

    @classmethod
    def fit(cls, dataset: Dataset, training: NDArray[np.bool_]) -> Self:
        """Draw training episodes and grow the trees on their rows."""
        rows = EpisodeRows.fit(dataset, training)
        tables, targets = [], []
        for batch, items in _training_episodes(dataset, training):
            tables.append(rows.of(batch, items))
            targets.append(batch.query_ratings[batch.query_mask])
        booster = lightgbm.train(
            {
                "objective": "l1",
                "num_leaves": _LEAVES,
                "learning_rate": _LEARNING_RATE,
                "seed": _SEED,
                "deterministic": True,
                "force_col_wise": True,
                "verbosity": -1,
            },
            lightgbm.Dataset(np.vstack(tables), np.concatenate(targets), categorical_feature=rows.categorical),
            num_boost_round=_TREES,
        )
        return cls(booster, rows, CollaborativeContent.fit(dataset, training))

    def predict(self, batch: EpisodeBatch) -> NDArray[np.float32]:
        """Predict the median rating."""
        predictions = np.zeros(batch.query_mask.shape, dtype=np.float32)
        predictions[batch.query_mask] = self._booster.predict(self._rows.of(batch, self._items))
        return predictions


def _training_episodes(
    dataset: Dataset, training: NDArray[np.bool_]
) -> Iterator[tuple[EpisodeBatch, CollaborativeContent]]:
    """Batches of episodes of one half of the users, with the item statistics of the other half."""
    generator = np.random.default_rng(_SEED)
    order = _neighbourhood_order(dataset, generator)
    in_first_half = generator.permutation(len(dataset.users)) % 2 == 0
    of_first_half = in_first_half[dataset.ratings.users]
    for of_half in (of_first_half, ~of_first_half):
        known = CollaborativeContent.fit(dataset, training & ~of_half)
        new = known.as_new(order)
        episodes = TrainingEpisodes(dataset, training & of_half, max_support=_MAX_SUPPORT, max_query=_MAX_QUERY)
        for _ in range(_PASSES):
            for batch in episodes.epoch(generator, _BATCH_USERS):
                yield batch, new if generator.random() < _SHARE_NEW else known


def _neighbourhood_order(dataset: Dataset, generator: np.random.Generator) -> NDArray[np.float64]:
    """The order of the items by date, or a random order without dates; float64 [items].

    Folds are blocks of this order. With random folds an item would keep similar items of the same years, such as
    sequels, which a new item does not have yet.
    """
    date = dataset.schema.items.date
    if date is None:
        return generator.random(len(dataset.items))
    return np.asarray(np.nan_to_num(dataset.items.table[date].to_numpy()), dtype=np.float64)
