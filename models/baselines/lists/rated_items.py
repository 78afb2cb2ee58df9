"""Who rated what, as a sparse matrix: what the personal baselines for lists share."""

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from models.data.dataset import Dataset
from models.data.episodes import EpisodeBatch


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
        self._schema = dataset.schema
        self._other_weight = other_weight
        self._item_count = len(dataset.items)
        items = ratings.items[training]
        self.matrix = self._weights(ratings.users[training], items, dataset.liked[training], len(dataset.users))
        self.counts = np.bincount(items, minlength=len(dataset.items))

    def of_batch(self, batch: EpisodeBatch) -> sparse.csr_matrix:
        """The same matrix of the support sets of B users; float32 [B, items]."""
        rows, _ = np.nonzero(batch.support_mask)
        liked = self._schema.likes(batch.support_ratings, batch.support_kinds)[batch.support_mask]
        return self._weights(rows, batch.support_items[batch.support_mask], liked, len(batch.users))

    def with_popularity(self, scores: NDArray[np.float32], support: sparse.csr_matrix) -> NDArray[np.float32]:
        """The scores, but popularity for users of whose support sets nothing counts; float32 [B, items]."""
        has_support = np.diff(support.indptr) > 0
        return np.where(has_support[:, None], scores, self.counts.astype(np.float32))

    def _weights(
        self, users: NDArray[np.integer], items: NDArray[np.int32], liked: NDArray[np.bool_], user_count: int
    ) -> sparse.csr_matrix:
        weights = np.where(liked, 1.0, self._other_weight).astype(np.float32)
        counted = weights > 0
        return sparse.csr_matrix(
            (weights[counted], (users[counted], items[counted])), shape=(user_count, self._item_count)
        )
