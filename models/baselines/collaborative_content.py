"""Biases and factors of all items for the baselines: from ratings, or predicted from the attributes of new items."""

from dataclasses import dataclass, replace
from typing import Self

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from models.data.dataset import Dataset
from models.inputs.content import ContentRegression, predict_out_of_fold, similarity_features
from models.inputs.content_config import ContentConfig
from models.inputs.encoder import FeatureEncoder
from models.inputs.factorisation import FactorisationConfig, factorise

RANK = 16
"""Number of factors of an item, as in the presets."""

_CONFIG = ContentConfig()


@dataclass(frozen=True)
class CollaborativeContent:
    """The items' side of `y_ij ≈ μ + b_j + b_i + p_iᵀ q_j`, for known and for new items.

    Attributes:
        mean: μ.
        biases: float64 [items], b_j.
        factors: float64 [items, RANK], q_j.
        counts: int64 [items], the number of training ratings of each item.
        features: float64 [items, features], from `item_features`.
    """

    mean: float
    biases: NDArray[np.float64]
    factors: NDArray[np.float64]
    counts: NDArray[np.int64]
    features: sparse.csr_matrix

    @classmethod
    def fit(cls, dataset: Dataset, training: NDArray[np.bool_]) -> Self:
        """Factorise the training ratings, and predict biases and factors of new items from their attributes."""
        factorisation = factorise(dataset, training, FactorisationConfig(rank=RANK))
        features = item_features(dataset, factorisation.counts)
        values = np.column_stack([factorisation.biases, factorisation.factors])
        values = fill_new_items(values, features, factorisation.counts)
        return cls(
            mean=factorisation.mean,
            biases=values[:, 0],
            factors=values[:, 1:],
            counts=factorisation.counts,
            features=features,
        )

    @property
    def inputs(self) -> NDArray[np.float64]:
        """`[1, q_j]`, by which a user's bias and factors are multiplied; float64 [items, 1 + RANK]."""
        return np.column_stack([np.ones(len(self.biases)), self.factors])

    def as_new(self, order: NDArray[np.float64]) -> Self:
        """The same items as if all were new: out-of-fold predictions. Folds are blocks of `order` (float64 [items])."""
        rated = self.counts > 0
        values = np.column_stack([self.biases, self.factors])
        values[rated] = predict_out_of_fold(
            self.features[rated], values[rated], self.counts[rated], order[rated], _CONFIG
        )
        return replace(self, biases=values[:, 0], factors=values[:, 1:], counts=np.zeros_like(self.counts))


def item_features(dataset: Dataset, counts: NDArray[np.integer]) -> sparse.csr_matrix:
    """The `similarity_features` of the items, with vocabularies and scales of the rated items.

    Args:
        dataset: The data set.
        counts: [items], the number of training ratings of each item.

    Returns:
        float64 [items, features]; one constant feature where the schema has no item fields.
    """
    table = dataset.items.table
    encoder = FeatureEncoder.fit(dataset.schema.items.fields, table[np.flatnonzero(counts)])
    return similarity_features(encoder.fields, encoder.encode(table), _CONFIG.similarity)


def fill_new_items(
    values: NDArray[np.float64], features: sparse.csr_matrix, counts: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Replace the values of items without ratings by predictions from their attributes.

    Args:
        values: float64 [items, targets].
        features: float64 [items, features].
        counts: int64 [items], the number of training ratings of each item.

    Returns:
        float64 [items, targets].
    """
    rated = counts > 0
    regression = ContentRegression.fit(features[rated], values[rated], counts[rated], _CONFIG)
    return np.where(rated[:, None], values, regression.predict(features))
