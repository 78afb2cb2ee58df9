"""Each item's mean plus the user's bias, both shrunk: the baseline that personal models so often lose to."""

from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from models.baselines.base import Baseline, shrunk_mean
from models.data.dataset import Dataset
from models.data.episodes import EpisodeBatch

PRIOR_ITEM_RATINGS = 10.0
"""As many ratings at the global mean are added to an item's own."""

PRIOR_USER_RATINGS = 3.0
"""As many ratings at the item means are added to a user's own."""


class ItemMeanUserBias(Baseline):
    """`ŷ_ij = μ + b_j + b_i`; b_j the item's shrunk residual mean, b_i the user's over the support set.

    The order of estimation (items first, then users) is that of Koren, TIST 2010, §2.1. An item that training
    never saw has b_j = 0.
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
        """Item mean plus the user's bias."""
        errors = batch.support_ratings.astype(np.float64) - self._item_means[batch.support_items]
        counts = batch.support_mask.sum(axis=1)
        biases = shrunk_mean((errors * batch.support_mask).sum(axis=1), counts, PRIOR_USER_RATINGS)
        return (self._item_means[batch.query_items] + biases[:, None]).astype(np.float32)
