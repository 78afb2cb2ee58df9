"""What every baseline offers."""

from abc import ABC, abstractmethod
from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from models.data.dataset import Dataset
from models.data.episodes import EpisodeBatch


class Baseline(ABC):
    """A predictor fitted on the training ratings that adapts to a support set in its own way."""

    name: ClassVar[str]

    @classmethod
    @abstractmethod
    def fit(cls, dataset: Dataset, training: NDArray[np.bool_]) -> Self:
        """Fit on the ratings that `training` (bool [ratings]) marks."""

    @abstractmethod
    def predict(self, batch: EpisodeBatch) -> NDArray[np.float32]:
        """Expected ratings of the query items; float32 [B, Q], anything where there is padding."""


def shrunk_mean(sums: NDArray[np.float64], counts: NDArray[np.integer], prior: float) -> NDArray[np.float64]:
    """Mean of residuals drawn towards 0 as by `prior` further residuals of 0; 0 where there are none."""
    return sums / (counts + prior)


def distinct_items(batch: EpisodeBatch) -> tuple[NDArray[np.int32], NDArray[np.int64], NDArray[np.int64]]:
    """The items of a batch, each once, so that what relates two items is computed once.

    Returns:
        int32 [D], the rows of the distinct items (padding's too); int64 [B, S] and int64 [B, Q], where in them the
        support items and the query items are.
    """
    distinct, slots = np.unique(np.hstack([batch.support_items, batch.query_items]), return_inverse=True)
    support_size = batch.support_items.shape[1]
    return distinct, slots[:, :support_size], slots[:, support_size:]
