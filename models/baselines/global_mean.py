"""The mean of all training ratings, for every user and item."""

from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from models.baselines.base import Baseline
from models.data.dataset import Dataset
from models.data.episodes import EpisodeBatch


class GlobalMean(Baseline):
    """`ŷ = μ`."""

    name: ClassVar[str] = "global mean"

    def __init__(self, mean: float) -> None:
        self._mean = mean

    @classmethod
    def fit(cls, dataset: Dataset, training: NDArray[np.bool_]) -> Self:
        """Average the training ratings."""
        return cls(float(dataset.ratings.values[training].mean(dtype=np.float64)))

    def predict(self, batch: EpisodeBatch) -> NDArray[np.float32]:
        """Predict the mean."""
        return np.full(batch.query_items.shape, self._mean, dtype=np.float32)
