"""The interface of a baseline for lists, and what these baselines share."""

from abc import ABC, abstractmethod
from typing import ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict
from scipy import sparse

from models.data.dataset import Dataset
from models.data.episodes import EpisodeBatch


class ListRanker(Protocol):
    """Ranks all items of a data set for users with a few ratings."""

    def scores(self, batch: EpisodeBatch) -> NDArray[np.float32]:
        """The score of every item for B users; a higher score ranks first.

        Args:
            batch: The users with their support sets. The query sets are not used, but for `EpisodeBatch.now`.

        Returns:
            float32 [B, items], finite.
        """


class BaselineLeftOutError(Exception):
    """A baseline cannot be fitted here; the message is a sentence that says why."""


class ListBaseline(BaseModel, ABC):
    """A way to rank that is fitted on the training ratings; its fields are its settings.

    The defaults are the best settings for MovieLens 1M on the users that are held out for validation:
    `python -m benchmarks.list_settings --data DIR` searches for them.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: ClassVar[str]

    @abstractmethod
    def fit(self, dataset: Dataset, training: NDArray[np.bool_]) -> ListRanker:
        """Fit on the training ratings, which `training` (bool [ratings]) marks.

        Raises:
            BaselineLeftOutError: A package is missing, or the data set is too large.
        """


class RatedItems:
    """Who rated what, as a matrix with the weight 1 for a liked item and a smaller one for any other rated item.

    Attributes:
        matrix: float32 [users, items], the training ratings.
        counts: int64 [items], the number of training ratings of each item.
    """

    def __init__(self, dataset: Dataset, training: NDArray[np.bool_], *, other_weight: float) -> None:
        """Build the matrix.

        Args:
            dataset: The data set.
            training: bool [ratings], the training ratings.
            other_weight: Weight of a rated item that is not liked.
        """
        ratings = dataset.ratings
        self._liked_from = dataset.schema.rating_scale.liked_from
        self._other_weight = other_weight
        self._item_count = len(dataset.items)
        items = ratings.items[training]
        self.matrix = self._weights(ratings.users[training], items, ratings.values[training], len(dataset.users))
        self.counts = np.bincount(items, minlength=len(dataset.items))

    def of_batch(self, batch: EpisodeBatch) -> sparse.csr_matrix:
        """The same matrix of the support sets of B users; float32 [B, items]."""
        rows, _ = np.nonzero(batch.support_mask)
        items, ratings = batch.support_items[batch.support_mask], batch.support_ratings[batch.support_mask]
        return self._weights(rows, items, ratings, len(batch.users))

    def with_popularity(self, scores: NDArray[np.float32], support: sparse.csr_matrix) -> NDArray[np.float32]:
        """The scores, but popularity for users of whose support sets nothing counts; float32 [B, items]."""
        has_support = np.diff(support.indptr) > 0
        return np.where(has_support[:, None], scores, self.counts.astype(np.float32))

    def _weights(
        self, users: NDArray[np.integer], items: NDArray[np.int32], ratings: NDArray[np.float32], user_count: int
    ) -> sparse.csr_matrix:
        weights = np.where(ratings >= self._liked_from, 1.0, self._other_weight).astype(np.float32)
        counted = weights > 0
        return sparse.csr_matrix(
            (weights[counted], (users[counted], items[counted])), shape=(user_count, self._item_count)
        )
