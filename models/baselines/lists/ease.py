"""EASE: a linear model from items to items, in closed form."""

from typing import Annotated, ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field
from scipy.linalg import lapack

from models.baselines.lists.base import BaselineLeftOutError, ListBaseline, ListRanker
from models.baselines.lists.rated_items import RatedItems
from models.data.dataset import Dataset
from models.data.episodes import EpisodeBatch


class EASE(ListBaseline):
    """`s = x B` with `B_ij = −P_ij/P_jj`, `B_jj = 0`, `P = (XᵀX + λI)⁻¹` (Steck, WWW 2019, eq. 8).

    B minimises `|X − X B|² + λ|B|²` with a zero diagonal. X holds 1 for a liked item (`RatedItems`), and x is the
    support set likewise. A user whose support set counts nothing gets the popularity.

    Attributes:
        ridge: λ.
        other_weight: Weight of a rated item that is not liked.
        max_items: With more items in X, the baseline is left out: the matrix P takes 4 bytes × items².
    """

    name: ClassVar[str] = "EASE"

    ridge: Annotated[float, Field(gt=0)] = 20_000.0
    other_weight: Annotated[float, Field(ge=0, le=1)] = 0.0
    max_items: Annotated[int, Field(ge=1)] = 10_000

    def fit(self, dataset: Dataset, training: NDArray[np.bool_]) -> ListRanker:
        """Invert the matrix."""
        rated = RatedItems(dataset, training, other_weight=self.other_weight)
        items = np.unique(rated.matrix.indices)
        if len(items) > self.max_items:
            raise BaselineLeftOutError(
                f"EASE is left out: it needs a matrix of all pairs of items, and {len(items):,} items are more than "
                f"{self.max_items:,}."
            )
        columns = rated.matrix[:, items]
        gram = (columns.T @ columns).toarray()
        gram[np.diag_indices_from(gram)] += self.ridge
        return _Ranker(rated, items, _weights(gram))


def _weights(gram: NDArray[np.float32]) -> NDArray[np.float32]:
    """B from the positive definite XᵀX + λI, which is overwritten; float32 [items, items]."""
    # The inverse by Cholesky takes half the time of a general one.
    factor, _ = lapack.spotrf(gram.T, overwrite_a=True)
    inverse, _ = lapack.spotri(factor, overwrite_c=True)
    upper = np.triu(inverse)
    weights: NDArray[np.float32] = upper + np.triu(inverse, 1).T
    weights /= -upper.diagonal()
    np.fill_diagonal(weights, 0.0)
    return weights


class _Ranker:
    gives_logits = False

    def __init__(self, rated: RatedItems, items: NDArray[np.int32], weights: NDArray[np.float32]) -> None:
        self._rated = rated
        self._items = items
        self._weights = weights

    def scores(self, batch: EpisodeBatch) -> NDArray[np.float32]:
        support = self._rated.of_batch(batch)
        scores = np.zeros(support.shape, dtype=np.float32)
        scores[:, self._items] = support[:, self._items] @ self._weights
        return self._rated.with_popularity(scores, support)
