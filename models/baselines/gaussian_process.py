"""A Gaussian process per user, over the biases, factors and attributes of the items."""

from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from models.baselines.base import Baseline, distinct_items
from models.baselines.collaborative_content import CollaborativeContent
from models.data.dataset import Dataset
from models.data.episodes import EpisodeBatch

_NOISE = 0.8
"""Variance of a rating, σ², in squared rating units: that of `ContentConfig.rating_variance`."""

_BIAS_VARIANCE = 0.2
"""Prior variance v_b of a user's bias: the noise divided by the ridge 4 of matrix factorisation."""

_FACTOR_VARIANCE = _NOISE / 10
"""Prior variance v_f of a user's factors: the noise divided by the ridge 10 of matrix factorisation."""

_CONTENT_VARIANCE = 0.8
"""Prior variance v_c relative to the prior variances of the attributes (`SimilarityConfig`)."""


class GaussianProcess(Baseline):
    """`ŷ_iq = μ + b_q + k_qᵀ (K + σ² I)⁻¹ r`, the posterior mean given the support's `r_j = y_ij − μ − b_j`.

    Rasmussen & Williams, *Gaussian Processes for Machine Learning*, 2006, eq. 2.25. The kernel of two items is
    `k(j, l) = v_b + v_c z_jᵀ z_l + v_f q_jᵀ q_l` with their attributes z and factors q. With v_c = 0 this is the
    fold-in of matrix factorisation in its dual form. With v_c > 0 a rating also informs about items
    with similar attributes.
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
        """Solve one system of equations per user, with as many unknowns as support ratings."""
        items, mask = self._items, batch.support_mask
        supports, crosses = self._kernels(batch)
        supports *= mask[:, :, None] & mask[:, None, :]
        residuals = (batch.support_ratings - items.mean - items.biases[batch.support_items]) * mask
        noise = _NOISE * np.eye(mask.shape[1])
        weights = np.linalg.solve(supports + noise, residuals[..., None])[..., 0]
        personal = np.einsum("bqs,bs->bq", crosses, weights)
        return np.asarray(items.mean + items.biases[batch.query_items] + personal, dtype=np.float32)

    def _kernels(self, batch: EpisodeBatch) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """The kernel of the support items [B, S, S], and of query and support items [B, Q, S]."""
        distinct, support, query = distinct_items(batch)
        features = self._features[distinct]
        kernel = (features @ features.T).toarray()
        return kernel[support[:, :, None], support[:, None, :]], kernel[query[:, :, None], support[:, None, :]]
