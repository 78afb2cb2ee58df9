"""Predicting biases and factors of items from their attributes, by ridge regression.

Only training uses this module. A trained model predicts with `models.inputs.similarity`, which needs neither
scikit-learn nor SciPy.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import sparse
from sklearn.decomposition import TruncatedSVD
from sklearn.linear_model import Ridge
from torch import Tensor

from models.fields import BaseField, SimilarityConfig
from models.inputs.content_config import ContentConfig
from models.inputs.encoder import EncodedRows
from models.inputs.similarity import similarity_blocks

_DENSE_ENTRIES = 2_000_000
"""Up to so many entries, one direct solution for all targets is faster than an iterative one for each target."""


@dataclass(frozen=True)
class ContentRegression:
    """A linear map from features of attributes to targets, such as biases and factors.

    Attributes:
        coefficients: float32 [features, targets].
        intercepts: float32 [targets].
    """

    coefficients: NDArray[np.float32]
    intercepts: NDArray[np.float32]

    @classmethod
    def fit(
        cls,
        features: sparse.csr_matrix,
        targets: NDArray[np.float64],
        counts: NDArray[np.int64],
        config: ContentConfig,
    ) -> Self:
        """Fit by ridge regression, which is Gaussian process regression with a kernel linear in the features.

        Args:
            features: [items, features], from `similarity_features`.
            targets: float64 [items, targets].
            counts: int64 [items], the number of ratings of each item. An item without ratings has no weight.
            config: The variances of the targets.

        Without features, the weighted mean is predicted.
        """
        if not counts.any():
            # Nothing is known, so 0 is predicted.
            width = targets.shape[1]
            return cls(np.zeros((features.shape[1], width), np.float32), np.zeros(width, np.float32))
        # The inverse of item_variance + rating_variance / counts.
        precisions = counts / (config.item_variance * counts + config.rating_variance)
        if not features.shape[1]:
            mean = np.average(targets, axis=0, weights=precisions)
            return cls(np.zeros((0, targets.shape[1]), np.float32), mean.astype(np.float32))
        if features.shape[0] * features.shape[1] <= _DENSE_ENTRIES:
            ridge = Ridge(alpha=1.0, solver="cholesky")
            ridge.fit(features.toarray(), targets, sample_weight=precisions)
        else:
            ridge = Ridge(alpha=1.0, solver="sparse_cg", tol=1e-5, random_state=0)
            ridge.fit(features, targets, sample_weight=precisions)
        # A regression on one target has coefficients without a dimension for the targets.
        coefficients, intercepts = np.atleast_2d(ridge.coef_), np.atleast_1d(ridge.intercept_)
        return cls(coefficients=coefficients.T.astype(np.float32), intercepts=intercepts.astype(np.float32))

    def predict(self, features: sparse.csr_matrix) -> NDArray[np.float32]:
        """The predicted targets; float32 [items, targets]."""
        return np.asarray(features @ self.coefficients + self.intercepts, dtype=np.float32)


def predict_out_of_fold(
    features: sparse.csr_matrix,
    targets: NDArray[np.float64],
    counts: NDArray[np.int64],
    order: NDArray[np.float64],
    config: ContentConfig,
) -> NDArray[np.float32]:
    """Predict each item's targets by a regression on the items of the other folds.

    Args:
        features: [items, features].
        targets: float64 [items, targets].
        counts: int64 [items].
        order: float64 [items]. Folds are blocks of this order.
        config: The settings of the regressions and the number of folds.

    Returns:
        float32 [items, targets].
    """
    predictions = np.empty(targets.shape, dtype=np.float32)
    for fold in np.array_split(np.argsort(order, kind="stable"), config.folds):
        others = np.setdiff1d(np.arange(len(targets)), fold)
        regression = ContentRegression.fit(features[others], targets[others], counts[others], config)
        predictions[fold] = regression.predict(features[fold])
    return predictions


def similarity_features(fields: Sequence[BaseField], rows: EncodedRows, config: SimilarityConfig) -> sparse.csr_matrix:
    """Features whose inner products are the similarities of items: the `similarity_blocks` side by side.

    Args:
        fields: The fields to use.
        rows: The items.
        config: The weight of each kind of field.

    Returns:
        float64 [rows, features].
    """
    return _side_by_side(similarity_blocks(fields, rows, config), rows)


def content_features(fields: Sequence[BaseField], rows: EncodedRows) -> sparse.csr_matrix:
    """The attributes as a sparse matrix in which all fields have the same weight.

    Args:
        fields: The fields to use.
        rows: The items or users.

    Returns:
        float64 [rows, features], for each field vectors of length 1 or 0 (`BaseField.similarity`). Values that are too
        rare to be embedded count as unknown.
    """
    config = SimilarityConfig()
    return _side_by_side([field.similarity(rows.fields[field.name], config, rare=False) for field in fields], rows)


def _side_by_side(blocks: Sequence[Tensor], rows: EncodedRows) -> sparse.csr_matrix:
    return sparse.hstack([sparse.csr_matrix((len(rows), 0)), *map(_to_scipy, blocks)]).tocsr()


def _to_scipy(block: Tensor) -> sparse.csr_matrix:
    if block.layout is torch.strided:
        return sparse.csr_matrix(block.numpy())
    entries = block.coalesce()
    return sparse.csr_matrix((entries.values().numpy(), tuple(entries.indices().numpy())), shape=block.shape)


def principal_directions(features: sparse.csr_matrix, count: int) -> NDArray[np.float64]:
    """The directions in which the attributes differ most; float64 [features, count]."""
    if count == min(features.shape):
        return np.asarray(np.linalg.svd(features.toarray(), full_matrices=False)[2].T)
    return np.asarray(TruncatedSVD(count, n_iter=10, random_state=0).fit(features).components_.T)
