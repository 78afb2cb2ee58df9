"""Items with the attributes of liked items: a baseline for new items."""

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from sklearn.preprocessing import normalize

from models.baselines.collaborative_content import item_features
from models.baselines.lists.base import BaselineLeftOutError, ListBaseline, ListRanker
from models.baselines.lists.rated_items import RatedItems
from models.data.dataset import Dataset
from models.data.episodes import EpisodeBatch


class AttributeNeighbours(ListBaseline):
    """`s = x Z Zᵀ`: the cosines of an item's attributes with those of the liked support items, summed.

    Z holds the features of the attributes (`item_features`), each row of length 1; x is 1 for a liked support item. A
    user without a liked support item gets the items that resemble all liked items of the training ratings.
    """

    name: ClassVar[str] = "attribute neighbours"

    def fit(self, dataset: Dataset, training: NDArray[np.bool_]) -> ListRanker:
        """Compute the features."""
        if not dataset.schema.items.fields:
            raise BaselineLeftOutError("Attribute neighbours are left out: the items have no attributes.")
        rated = RatedItems(dataset, training, other_weight=0.0)
        return _Ranker(rated, normalize(item_features(dataset, rated.counts)))


class _Ranker:
    def __init__(self, rated: RatedItems, features: sparse.csr_matrix) -> None:
        self._rated = rated
        self._features = features
        self._likes = sparse.csr_matrix(rated.matrix.sum(axis=0))

    def scores(self, batch: EpisodeBatch) -> NDArray[np.float32]:
        support = self._rated.of_batch(batch)
        has_support = np.diff(support.indptr) > 0
        scores = np.empty(support.shape, dtype=np.float32)
        scores[has_support] = self._similarities(support[has_support])
        scores[~has_support] = self._similarities(self._likes)
        return scores

    def _similarities(self, liked: sparse.csr_matrix) -> NDArray[np.float64]:
        """float64 [rows, items], for rows of liked items (float32 [rows, items])."""
        return np.asarray((liked @ self._features @ self._features.T).toarray())
