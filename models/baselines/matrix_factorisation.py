"""Matrix factorisation; users are folded in by ridge regression."""

from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from models.baselines.base import Baseline
from models.baselines.collaborative_content import RANK, CollaborativeContent
from models.data.dataset import Dataset
from models.data.episodes import EpisodeBatch

_BIAS_RIDGE = 4.0
"""Ridge on a user's bias: that of the factorisation, because the fold-in is one more step of its least squares."""

_FACTOR_RIDGE = 10.0
"""Ridge on a user's factors: that of the factorisation."""


class MatrixFactorisation(Baseline):
    """`ŷ_ij = μ + b_j + b_i + p_iᵀ q_j` (Koren, Bell & Volinsky, IEEE Computer 2009), b_i and p_i from the support set.

    The b_j and q_j of a new item are predicted from its attributes.
    """

    name: ClassVar[str] = "matrix factorisation"

    def __init__(self, items: CollaborativeContent) -> None:
        self._items = items

    @classmethod
    def fit(cls, dataset: Dataset, training: NDArray[np.bool_]) -> Self:
        """Factorise the training ratings."""
        return cls(CollaborativeContent.fit(dataset, training))

    def predict(self, batch: EpisodeBatch) -> NDArray[np.float32]:
        """Fold the users in, then predict."""
        return predict_folded_in(self._items, batch, fold_in(self._items, batch)).astype(np.float32)


def fold_in(items: CollaborativeContent, batch: EpisodeBatch) -> NDArray[np.float64]:
    """Bias and factors of users: ridge regression of the support set's residuals on the items' factors.

    `[b_i, p_i] = (Xᵀ X + Λ)⁻¹ Xᵀ r` with rows `x_j = [1, q_j]`, residuals `r_j = y_ij − μ − b_j` and the diagonal Λ of
    the ridges.

    Args:
        items: Biases and factors of the items.
        batch: B episodes; their query sets are not used.

    Returns:
        float64 [B, 1 + RANK]; 0 for an empty support set.
    """
    inputs = items.inputs[batch.support_items] * batch.support_mask[..., None]
    residuals = batch.support_ratings - items.mean - items.biases[batch.support_items]
    transposed = inputs.transpose(0, 2, 1)
    ridge = np.diag([_BIAS_RIDGE, *[_FACTOR_RIDGE] * RANK])
    solution = np.linalg.solve(transposed @ inputs + ridge, transposed @ residuals[..., None])
    return np.asarray(solution[..., 0], dtype=np.float64)


def predict_folded_in(
    items: CollaborativeContent, batch: EpisodeBatch, users: NDArray[np.float64]
) -> NDArray[np.float64]:
    """The predicted ratings of the query items for `users` from `fold_in`; float64 [B, Q]."""
    personal = np.einsum("bqr,br->bq", items.inputs[batch.query_items], users)
    return np.asarray(items.mean + items.biases[batch.query_items] + personal)
