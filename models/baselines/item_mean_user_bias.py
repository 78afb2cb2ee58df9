"""The item's mean rating plus the user's bias, both shrunk."""

from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from models.baselines.base import Baseline, shrunk_mean
from models.data.dataset import Dataset
from models.data.episodes import EpisodeBatch

PRIOR_ITEM_RATINGS = 10.0
"""Ratings at the global mean that are added to an item's ratings, which shrinks its mean."""

PRIOR_USER_RATINGS = 3.0
"""Ratings at the item means that are added to a user's ratings, which shrinks the bias."""


class ItemMeanUserBias(Baseline):
    """`ŷ_ij = μ + b_j + b_i`, with the item's shrunk mean residual b_j, and the user's b_i over the support set.

    Items are estimated first, then users, as in Koren, TIST 2010, §2.1. A new item has b_j = 0.
    """

    name: ClassVar[str] = "item mean + user bias"

    def __init__(self, item_means: NDArray[np.float64]) -> None:
        self._item_means = item_means

    @classmethod
    def fit(cls, dataset: Dataset, training: NDArray[np.bool_]) -> Self:
        """Estimate every item's shrunk mean."""
        items = dataset.ratings.items[training]
        values = dataset.ratings.values[training].astype(np.float64)
        mean = values.mean()
        sums = np.bincount(items, weights=values - mean, minlength=len(dataset.items)).astype(np.float64)
        counts = np.bincount(items, minlength=len(dataset.items))
        return cls(mean + shrunk_mean(sums, counts, PRIOR_ITEM_RATINGS))

    def predict(self, batch: EpisodeBatch) -> NDArray[np.float32]:
        """Predict the item's mean plus the user's bias."""
        errors = batch.support_ratings.astype(np.float64) - self._item_means[batch.support_items]
        counts = batch.support_mask.sum(axis=1)
        biases = shrunk_mean((errors * batch.support_mask).sum(axis=1), counts, PRIOR_USER_RATINGS)
        return (self._item_means[batch.query_items] + biases[:, None]).astype(np.float32)
