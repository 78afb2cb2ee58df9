"""A Gaussian process for every user, over what is known of the items."""

from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from models.baselines.base import Baseline, distinct_items
from models.baselines.collaborative_content import CollaborativeContent
from models.data.dataset import Dataset
from models.data.episodes import EpisodeBatch

_NOISE = 0.8
_BIAS_VARIANCE = 0.2
_FACTOR_VARIANCE = _NOISE / 10
"""Noise over variance is the ridge of matrix factorisation: 4 on the bias, 10 on the factors."""

_CONTENT_VARIANCE = 0.8
"""Times what an attribute tells of the mean user's ratings (`models.inputs.content`)."""


class GaussianProcess(Baseline):
    """`ŷ_iq = μ + b_q + k_qᵀ (K + σ² I)⁻¹ r`, the posterior mean given the support's `r_j = y_ij − μ − b_j`.

    Rasmussen & Williams, *Gaussian Processes for Machine Learning*, 2006, eq. 2.25. The kernel of two items is
    `k(j, l) = v_b + v_c z_jᵀ z_l + v_f q_jᵀ q_l` with their attributes z and factors q. With v_c = 0 it is matrix
    factorisation with fold-in, solved in the ratings; v_c lets a rating speak of items that only attributes relate.
    """

    name: ClassVar[str] = "Gaussian process"

    def __init__(self, items: CollaborativeContent) -> None:
        self._items = items
        self._features = sparse.hstack(
            [
                np.full((len(items.biases), 1), np.sqrt(_BIAS_VARIANCE)),
                np.sqrt(_CONTENT_VARIANCE) * items.features,
                np.sqrt(_FACTOR_VARIANCE) * items.factors,
            ]
        ).tocsr()

    @classmethod
    def fit(cls, dataset: Dataset, training: NDArray[np.bool_]) -> Self:
        """Factorise the training ratings."""
        return cls(CollaborativeContent.fit(dataset, training))

    def predict(self, batch: EpisodeBatch) -> NDArray[np.float32]:
        """Solve one support × support system a user."""
        items, mask = self._items, batch.support_mask
        supports, crosses = self._kernels(batch)
        supports *= mask[:, :, None] & mask[:, None, :]
        residuals = (batch.support_ratings - items.mean - items.biases[batch.support_items]) * mask
        noise = _NOISE * np.eye(mask.shape[1])
        weights = np.linalg.solve(supports + noise, residuals[..., None])[..., 0]
        personal = np.einsum("bqs,bs->bq", crosses, weights)
        return np.asarray(items.mean + items.biases[batch.query_items] + personal, dtype=np.float32)

    def _kernels(self, batch: EpisodeBatch) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Kernels within the supports [B, S, S] and between queries and supports [B, Q, S]."""
        distinct, support, query = distinct_items(batch)
        features = self._features[distinct]
        kernel = (features @ features.T).toarray()
        return kernel[support[:, :, None], support[:, None, :]], kernel[query[:, :, None], support[:, None, :]]
