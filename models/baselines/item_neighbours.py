"""Nearest neighbours of items."""

from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from sklearn.preprocessing import normalize

from models.baselines.base import Baseline, distinct_items, shrunk_mean
from models.baselines.collaborative_content import CollaborativeContent
from models.data.dataset import Dataset
from models.data.episodes import EpisodeBatch

_PRIOR_USER_RATINGS = 3.0
"""Residuals of 0 that are added to a user's residuals, as in `item_mean_user_bias`."""

_PRIOR_RATERS = 50.0
"""The constant c in n / (n + c), by which a similarity from n common raters is multiplied."""

_PRIOR_SIMILARITY = 0.5
"""Similarity of an added neighbour with residual 0, which shrinks the predictions."""

_NEIGHBOURS = 30
"""Support items that count for a query item: a usual size of a neighbourhood."""

_CONTENT_WEIGHT = 0.2
"""Weight of a cosine of attributes against a cosine of ratings: items with the same attributes are often
rated differently."""

_BLOCK = 256
"""Items whose similarities are computed at once, which bounds the memory."""


class ItemNeighbours(Baseline):
    """`ŷ_iq = μ + b_q + b_i + Σ_j s_qj (y_ij − μ − b_j − b_i) / (Σ_j s_qj + c)`, j the support items most similar to q.

    This is the item-based filtering of Sarwar et al., WWW 2001, §3, on the residuals of the biases, with shrunk
    similarities as in Koren, TIST 2010, §2.2. The bias of a new item is predicted from its attributes, and its
    similarities are those of the attributes.
    """

    name: ClassVar[str] = "item neighbours"

    def __init__(self, items: CollaborativeContent, similarities: sparse.csr_matrix) -> None:
        """Keep what `fit` found.

        Args:
            items: Biases, counts and attributes of the items.
            similarities: float64 [items, items], at least 0, of the items that have training ratings.
        """
        self._means = items.mean + items.biases
        self._rated = items.counts > 0
        self._features = normalize(items.features)
        self._similarities = similarities

    @classmethod
    def fit(cls, dataset: Dataset, training: NDArray[np.bool_]) -> Self:
        """Estimate the biases, then the similarities of their residuals."""
        ratings = dataset.ratings
        users, items = ratings.users[training], ratings.items[training]
        known = CollaborativeContent.fit(dataset, training)
        residuals = ratings.values[training] - known.mean - known.biases[items]
        sums = np.bincount(users, weights=residuals, minlength=len(dataset.users)).astype(np.float64)
        counts = np.bincount(users, minlength=len(dataset.users))
        residuals -= shrunk_mean(sums, counts, _PRIOR_USER_RATINGS)[users]
        matrix = sparse.csr_matrix((residuals, (users, items)), shape=(len(dataset.users), len(dataset.items)))
        return cls(known, shrunk_adjusted_cosine(matrix))

    def predict(self, batch: EpisodeBatch) -> NDArray[np.float32]:
        """Predict the sum of the biases and of the weighted mean residual of the neighbours."""
        residuals = (batch.support_ratings - self._means[batch.support_items]) * batch.support_mask
        biases = shrunk_mean(residuals.sum(axis=1), batch.support_mask.sum(axis=1), _PRIOR_USER_RATINGS)
        weights = _nearest(self._batch_similarities(batch) * batch.support_mask[:, None, :])
        sums = np.einsum("bqs,bs->bq", weights, residuals - biases[:, None])
        personal = biases[:, None] + sums / (weights.sum(axis=2) + _PRIOR_SIMILARITY)
        return np.asarray(self._means[batch.query_items] + personal, dtype=np.float32)

    def _batch_similarities(self, batch: EpisodeBatch) -> NDArray[np.float64]:
        """The similarities of query and support items; float64 [B, Q, S]."""
        distinct, support, query = distinct_items(batch)
        features, rated = self._features[distinct], self._rated[distinct]
        by_ratings = self._similarities[distinct][:, distinct].toarray()
        by_content = _CONTENT_WEIGHT * (features @ features.T).toarray().clip(min=0.0)
        similarities = np.where(rated[:, None] & rated, by_ratings, by_content)
        return np.asarray(similarities[query[:, :, None], support[:, None, :]])


def shrunk_adjusted_cosine(residuals: sparse.csr_matrix) -> sparse.csr_matrix:
    """Similarities of items by the users who rated both; 0 for negative ones and for an item with itself.

    `s_jl = n/(n + c) · Σ_u e_uj e_ul / √(Σ_u e_uj² Σ_u e_ul²)`, with sums over the n users who rated both.

    Args:
        residuals: float64 [users, items], with entries for the existing ratings.

    Returns:
        float64 [items, items].
    """
    rated = residuals.copy()
    rated.data = np.ones_like(rated.data)
    squared = residuals.power(2)
    blocks = []
    for start in range(0, residuals.shape[1], _BLOCK):
        block = slice(start, start + _BLOCK)
        products = (residuals[:, block].T @ residuals).toarray()
        raters = (rated[:, block].T @ rated).toarray()
        norms = (squared[:, block].T @ rated).toarray() * (rated[:, block].T @ squared).toarray()
        cosines = np.divide(products, np.sqrt(norms), out=np.zeros_like(products), where=norms > 0)
        similarities = (cosines * raters / (raters + _PRIOR_RATERS)).clip(min=0.0)
        np.fill_diagonal(similarities[:, block], 0.0)
        blocks.append(sparse.csr_matrix(similarities))
    return sparse.vstack(blocks).tocsr()


def _nearest(similarities: NDArray[np.float64]) -> NDArray[np.float64]:
    """The similarities [B, Q, S], set to 0 for all but the nearest neighbours and those that tie with the last one."""
    if similarities.shape[2] <= _NEIGHBOURS:
        return similarities
    least = np.partition(similarities, -_NEIGHBOURS, axis=2)[:, :, -_NEIGHBOURS, None]
    return np.where(similarities >= least, similarities, 0.0)
