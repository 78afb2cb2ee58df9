"""The mean of a user's support ratings, shrunk towards the global mean."""

from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from models.baselines.base import Baseline, shrunk_mean
from models.data.dataset import Dataset
from models.data.episodes import EpisodeBatch

PRIOR_RATINGS = 3.0
"""Ratings at the global mean that are added to a user's ratings, as in `item_mean_user_bias`."""


class SupportMean(Baseline):
    """`ŷ_i = μ + Σ_j (y_ij − μ) / (|H_i| + c)`."""

    name: ClassVar[str] = "support mean"

    def __init__(self, mean: float) -> None:
        self._mean = mean

    @classmethod
    def fit(cls, dataset: Dataset, training: NDArray[np.bool_]) -> Self:
        """Average the training ratings."""
        return cls(float(dataset.ratings.values[training].mean(dtype=np.float64)))

    def predict(self, batch: EpisodeBatch) -> NDArray[np.float32]:
        """Predict the user's shrunk mean for every item."""
        residuals = (batch.support_ratings.astype(np.float64) - self._mean) * batch.support_mask
        means = self._mean + shrunk_mean(residuals.sum(axis=1), batch.support_mask.sum(axis=1), PRIOR_RATINGS)
        return np.repeat(means[:, None], batch.query_items.shape[1], axis=1).astype(np.float32)
