"""Pairwise preference regression on the attributes of users and items."""

from collections.abc import Sequence
from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse.linalg import LinearOperator, cg

from models.baselines.base import Baseline, shrunk_mean
from models.data.dataset import Dataset, Entities
from models.data.episodes import EpisodeBatch
from models.fields import AttributeField
from models.inputs.content import content_features
from models.inputs.encoder import FeatureEncoder

_RIDGE = 1000.0
"""The ridge λ, tuned."""

_TOLERANCE = 1e-3
"""Numerical tolerance: the relative residual at which conjugate gradients stop."""

_PRIOR_USER_RATINGS = 3.0
"""Residuals of 0 that are added to a user's residuals, as in `item_mean_user_bias`."""


class PairwisePreferenceRegression(Baseline):
    """`s_ui = x_uᵀ W z_i` (Park & Chu, RecSys 2009, §3) from the attributes x of a user and z of an item.

    W learns differences between two ratings of one user, so the level of the scores has no meaning. A prediction uses
    the deviation `d_ui` of the score from the user's mean score over the items of the training ratings. The level comes
    from the support set: `ŷ_ui = μ + d_ui + Σ_j (y_uj − μ − d_uj) / (|H_u| + c)`. Nothing else adapts to the support
    set.
    """

    name: ClassVar[str] = "pairwise preference regression"

    def __init__(
        self,
        *,
        weights: NDArray[np.float64],
        users: sparse.csr_matrix,
        items: sparse.csr_matrix,
        item_shares: NDArray[np.float64],
        mean: float,
    ) -> None:
        """Keep what `fit` found.

        Args:
            weights: float64 [user features, item features], W.
            users: float64 [users, user features], x.
            items: float64 [items, item features], z.
            item_shares: float64 [items], each item's share of the training ratings.
            mean: μ.
        """
        self._weights = weights
        self._users = users
        self._items = items
        self._mean_item = items.T @ item_shares
        self._mean = mean

    @classmethod
    def fit(cls, dataset: Dataset, training: NDArray[np.bool_]) -> Self:
        """Solve for W."""
        ratings = dataset.ratings
        users, items, values = ratings.users[training], ratings.items[training], ratings.values[training]
        counts = np.bincount(items, minlength=len(dataset.items))
        constant = np.ones((len(dataset.users), 1))  # its weights are the same for all users
        user_vectors = sparse.hstack([constant, _features(dataset.users, dataset.schema.users.fields, users)]).tocsr()
        item_vectors = _features(dataset.items, dataset.schema.items.fields, items)
        return cls(
            weights=solve_preferences(user_vectors, item_vectors, users, items, values.astype(np.float64)),
            users=user_vectors,
            items=item_vectors,
            item_shares=counts / counts.sum(),
            mean=float(values.mean(dtype=np.float64)),
        )

    def predict(self, batch: EpisodeBatch) -> NDArray[np.float32]:
        """Predict the sum of the mean, the deviation of the score and the user's shrunk mean residual."""
        deviations = self._deviations(batch.users)
        support = self._mean + np.take_along_axis(deviations, batch.support_items, axis=1)
        residuals = (batch.support_ratings - support) * batch.support_mask
        biases = shrunk_mean(residuals.sum(axis=1), batch.support_mask.sum(axis=1), _PRIOR_USER_RATINGS)
        query = self._mean + np.take_along_axis(deviations, batch.query_items, axis=1)
        return (query + biases[:, None]).astype(np.float32)

    def _deviations(self, users: NDArray[np.int32]) -> NDArray[np.float64]:
        """Every item's score minus the user's mean score; float64 [B, items]."""
        tastes = self._users[users] @ self._weights
        return np.asarray(tastes @ self._items.T - (tastes @ self._mean_item)[:, None])


def solve_preferences(
    user_vectors: sparse.csr_matrix,
    item_vectors: sparse.csr_matrix,
    users: NDArray[np.int32],
    items: NDArray[np.int32],
    values: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Minimise `Σ_u 1/n_u Σ_ij ((r_ui − r_uj) − (s_ui − s_uj))² + λ ‖W‖²` over W, by conjugate gradients.

    The n_u² differences of a user are not formed: with `e = r − s` and its mean ē_u over the user's ratings,
    `1/n_u Σ_ij (e_i − e_j)² = 2 Σ_i (e_i − ē_u)²`. So this is a ridge regression of ratings that are centred within
    users. Its normal equations need only the scores `X W Zᵀ` at the ratings, and the transpose of this map.

    Args:
        user_vectors: float64 [users, D], x.
        item_vectors: float64 [items, C], z.
        users: int32 [ratings], the user of each rating.
        items: int32 [ratings], the item of each rating.
        values: float64 [ratings].

    Returns:
        float64 [D, C], W.
    """
    shape = (user_vectors.shape[1], item_vectors.shape[1])
    pairs = _rating_rows(user_vectors, item_vectors.shape[0], users, items)
    counts = np.maximum(np.bincount(users), 1)

    def centred(errors: NDArray[np.float64]) -> NDArray[np.float64]:
        return errors - (np.bincount(users, weights=errors) / counts)[users]

    def scores(weights: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.asarray(pairs @ (weights.reshape(shape) @ item_vectors.T).ravel())

    def transposed_scores(errors: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.asarray(((pairs.T @ errors).reshape(shape[0], -1) @ item_vectors).ravel())

    def normal(weights: NDArray[np.float64]) -> NDArray[np.float64]:
        return 2.0 * transposed_scores(centred(scores(weights))) + _RIDGE * weights

    size = shape[0] * shape[1]
    operator = LinearOperator((size, size), matvec=normal, dtype=np.float64)
    weights, _ = cg(operator, 2.0 * transposed_scores(centred(values)), rtol=_TOLERANCE)
    return np.asarray(weights.reshape(shape))


def _rating_rows(
    user_vectors: sparse.csr_matrix, item_count: int, users: NDArray[np.int32], items: NDArray[np.int32]
) -> sparse.csr_matrix:
    """`x_u ⊗ 1_i` of every rating: `rows @ vec(W Zᵀ)` are the scores of the ratings; [ratings, D · items]."""
    rows = user_vectors[users]
    columns = rows.indices.astype(np.int64) * item_count + np.repeat(items, np.diff(rows.indptr))
    return sparse.csr_matrix((rows.data, columns, rows.indptr), shape=(len(users), rows.shape[1] * item_count))


def _features(entities: Entities, fields: Sequence[AttributeField], trained: NDArray[np.int32]) -> sparse.csr_matrix:
    """The attributes that are frequent enough to be embedded; one constant if there are none."""
    encoder = FeatureEncoder.fit([field for field in fields if field.embed], entities.table[np.unique(trained)])
    if not encoder.fields:
        return sparse.csr_matrix(np.ones((len(entities), 1)))
    return content_features(encoder.fields, encoder.encode(entities.table))
