"""Items that were liked by the same users."""

from typing import Annotated, ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from models.baselines.lists.base import ListBaseline, ListRanker
from models.baselines.lists.rated_items import RatedItems
from models.data.dataset import Dataset
from models.data.episodes import EpisodeBatch

_KEPT_ITEMS = 10_000
"""With at most this many items, the similarities of all pairs are computed once and kept. It bounds the memory."""


class LikedItemNeighbours(ListBaseline):
    """`s = x C` with `C_jl = X_jᵀ X_l / (|X_j| |X_l| + c)`, `C_jj = 0`: a shrunk cosine of the columns of X.

    X holds 1 for a liked item (`RatedItems`), and x is the support set likewise (Sarwar et al., WWW 2001; Deshpande &
    Karypis, TOIS 22 (2004) 143). A user whose support set counts nothing gets the popularity.

    Attributes:
        shrinkage: The constant c, in users: it lowers the similarity of items with few likes.
        other_weight: Weight of a rated item that is not liked.
    """

    name: ClassVar[str] = "item neighbours"

    shrinkage: Annotated[float, Field(ge=0)] = 150.0
    other_weight: Annotated[float, Field(ge=0, le=1)] = 0.0

    def fit(self, dataset: Dataset, training: NDArray[np.bool_]) -> ListRanker:
        """Compute the similarities, or leave those of a large catalogue to the users who need them."""
        return _Ranker(RatedItems(dataset, training, other_weight=self.other_weight), self.shrinkage)


class _Ranker:
    gives_logits = False

    def __init__(self, rated: RatedItems, shrinkage: float) -> None:
        self._rated = rated
        self._columns = rated.matrix.T.tocsr()
        self._norms = np.sqrt(rated.matrix.power(2).sum(axis=0).A1)
        self._shrinkage = shrinkage
        items = rated.matrix.shape[1]
        self._kept = self._cosines(np.arange(items)) if items <= _KEPT_ITEMS else None

    def scores(self, batch: EpisodeBatch) -> NDArray[np.float32]:
        support = self._rated.of_batch(batch)
        if self._kept is None:
            items = np.unique(support.indices)
            scores = support[:, items] @ self._cosines(items)
        else:
            scores = support @ self._kept
        return self._rated.with_popularity(scores, support)

    def _cosines(self, items: NDArray[np.integer]) -> NDArray[np.float32]:
        """C of some items and all items; float32 [some, items]."""
        cosines: NDArray[np.float32] = (self._columns[items] @ self._rated.matrix).toarray()
        denominators = np.outer(self._norms[items], self._norms) + np.float32(self._shrinkage)
        np.divide(cosines, denominators, out=cosines, where=cosines > 0)
        cosines[np.arange(len(items)), items] = 0.0
        return cosines
