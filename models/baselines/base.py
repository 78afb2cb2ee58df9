"""The interface of a baseline, and what baselines share."""

from abc import ABC, abstractmethod
from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from models.data.dataset import Dataset
from models.data.episodes import EpisodeBatch


class Baseline(ABC):
    """A predictor that is fitted on the training ratings and adapts to support sets."""

    name: ClassVar[str]

    @classmethod
    @abstractmethod
    def fit(cls, dataset: Dataset, training: NDArray[np.bool_]) -> Self:
        """Fit on the training ratings, which `training` (bool [ratings]) marks."""

    @abstractmethod
    def predict(self, batch: EpisodeBatch) -> NDArray[np.float32]:
        """The predicted ratings of the query items; float32 [B, Q], any number where there is padding."""


def shrunk_mean(sums: NDArray[np.float64], counts: NDArray[np.integer], prior: float) -> NDArray[np.float64]:
    """The means of residuals, shrunk as if `prior` residuals of 0 were added; 0 where there are no residuals."""
    return sums / (counts + prior)


def distinct_items(batch: EpisodeBatch) -> tuple[NDArray[np.int32], NDArray[np.int64], NDArray[np.int64]]:
    """The distinct items of a batch, so that the similarity of two items is computed once.

    Returns:
        int32 [D], the rows of the distinct items, with item row 0 if there is padding; and int64 [B, S] and
        int64 [B, Q], the places of the support items and of the query items among them.
    """
    distinct, slots = np.unique(np.hstack([batch.support_items, batch.query_items]), return_inverse=True)
    support_size = batch.support_items.shape[1]
    return distinct, slots[:, :support_size], slots[:, support_size:]
