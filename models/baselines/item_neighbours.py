"""Item-item nearest neighbours."""

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
"""As many residuals of 0 are added to a user's own."""

_PRIOR_RATERS = 50.0
"""A similarity that n users attest is multiplied by n / (n + this)."""

_PRIOR_SIMILARITY = 0.5
"""A support item that resembles the query item this much, of residual 0, is added to every neighbourhood."""

_NEIGHBOURS = 30
_CONTENT_WEIGHT = 0.2
"""Attributes are shared by many items that ratings tell apart: their cosine counts this much of one of ratings."""

_BLOCK = 256
"""Items whose similarities are computed at a time, which bounds the memory."""


class ItemNeighbours(Baseline):
    """`ŷ_iq = μ + b_q + b_i + Σ_j s_qj (y_ij − μ − b_j − b_i) / (Σ_j s_qj + c)`, j the support items most similar to q.

    Item-based filtering of Sarwar et al., WWW 2001, §3, on residuals over the biases of items and user, with shrunk
    similarities, as in Koren, TIST 2010, §2.2. An item that training never saw has the bias that its attributes let
    expect, and resembles others as far as their attributes do.
    """

    name: ClassVar[str] = "item neighbours"

    def __init__(self, items: CollaborativeContent, similarities: sparse.csr_matrix) -> None:
        """Keep what `fit` found.

        Args:
            items: What is known of the items.
            similarities: float64 [items, items], not negative, between items that have training ratings.
        """
        self._means = items.mean + items.biases
        self._rated = items.counts > 0
        self._features = normalize(items.features)
        self._similarities = similarities

    @classmethod
    def fit(cls, dataset: Dataset, training: NDArray[np.bool_]) -> Self:
        """Estimate the biases, then the similarities of the residuals over them."""
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
        """Each query item's baseline plus the weighted mean residual of its neighbours."""
        residuals = (batch.support_ratings - self._means[batch.support_items]) * batch.support_mask
        biases = shrunk_mean(residuals.sum(axis=1), batch.support_mask.sum(axis=1), _PRIOR_USER_RATINGS)
        weights = _nearest(self._batch_similarities(batch) * batch.support_mask[:, None, :])
        sums = np.einsum("bqs,bs->bq", weights, residuals - biases[:, None])
        personal = biases[:, None] + sums / (weights.sum(axis=2) + _PRIOR_SIMILARITY)
        return np.asarray(self._means[batch.query_items] + personal, dtype=np.float32)

    def _batch_similarities(self, batch: EpisodeBatch) -> NDArray[np.float64]:
        """Between query and support items; float64 [B, Q, S]."""
        distinct, support, query = distinct_items(batch)
        features, rated = self._features[distinct], self._rated[distinct]
        by_ratings = self._similarities[distinct][:, distinct].toarray()
        by_content = _CONTENT_WEIGHT * (features @ features.T).toarray().clip(min=0.0)
        similarities = np.where(rated[:, None] & rated, by_ratings, by_content)
        return np.asarray(similarities[query[:, :, None], support[:, None, :]])


def shrunk_adjusted_cosine(residuals: sparse.csr_matrix) -> sparse.csr_matrix:
    """Similarities of items by the users who rated both; negative ones and those of items with themselves are left out.

    `s_jl = n/(n + c) · Σ_u e_uj e_ul / √(Σ_u e_uj² Σ_u e_ul²)`, the sums over the n users who rated both.

    Args:
        residuals: float64 [users, items], stored for the ratings that exist.

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
    """The similarities [B, Q, S] with 0 for all but the nearest neighbours (and ties of the last one)."""
    if similarities.shape[2] <= _NEIGHBOURS:
        return similarities
    least = np.partition(similarities, -_NEIGHBOURS, axis=2)[:, :, -_NEIGHBOURS, None]
    return np.where(similarities >= least, similarities, 0.0)
