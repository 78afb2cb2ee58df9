"""What the attributes tell of items that have no ratings: their biases and factors, by ridge regression."""

from dataclasses import dataclass
from typing import Self

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import sparse
from sklearn.linear_model import Ridge

from models.data.dataset import Dataset
from models.features import (
    TEXT_DIMENSIONS,
    AnyFieldEncoder,
    CategoricalEncoder,
    ContinuousEncoder,
    EncodedRows,
    MultiValuedEncoder,
)

_RIDGE = 1000.0
_MOST_WEIGHT = 200
"""An item weighs as much as its ratings, up to this many: its bias and factors are no surer then."""

_FOLDS = 6
_BUMPS = 16
_BUMP_WIDTH = 0.5
"""A continuous field is spread over bumps half a standard deviation wide, so that its effect may bend."""


@dataclass(frozen=True)
class ContentRegression:
    """A linear map from attributes to what ratings would tell.

    Attributes:
        coefficients: float32 [features, targets].
        intercepts: float32 [targets].
    """

    coefficients: NDArray[np.float32]
    intercepts: NDArray[np.float32]

    @classmethod
    def fit(cls, features: sparse.csr_matrix, targets: NDArray[np.float64], counts: NDArray[np.int64]) -> Self:
        """Fit by ridge regression, which is Gaussian process regression with a kernel linear in the features.

        Args:
            features: [items, features], as of `content_features`.
            targets: float64 [items, targets].
            counts: int64 [items], how many ratings are behind each item's targets; their noise is as its inverse.
        """
        ridge = Ridge(alpha=_RIDGE, solver="sparse_cg", random_state=0)
        ridge.fit(features, targets, sample_weight=np.minimum(counts, _MOST_WEIGHT))
        return cls(coefficients=ridge.coef_.T.astype(np.float32), intercepts=ridge.intercept_.astype(np.float32))

    def predict(self, features: sparse.csr_matrix) -> NDArray[np.float32]:
        """Predict; float32 [items, targets]."""
        return np.asarray(features @ self.coefficients + self.intercepts, dtype=np.float32)


def neighbourhood_order(dataset: Dataset, generator: np.random.Generator) -> NDArray[np.float64]:
    """By what items are neighbours: their date, or where there is none, at random; float64 [items]."""
    date = dataset.schema.items.date
    if date is None:
        return generator.random(len(dataset.items))
    return np.asarray(np.nan_to_num(dataset.items.table[date].to_numpy()), dtype=np.float64)


def predict_out_of_fold(
    features: sparse.csr_matrix,
    targets: NDArray[np.float64],
    counts: NDArray[np.int64],
    order: NDArray[np.float64],
) -> NDArray[np.float32]:
    """What would be predicted of each item were it, and its neighbours in time, new.

    The folds are blocks of `order`: a random fold would leave every item the neighbourhood (sequels, the year's
    fashion, the same cast) that a really new item does not have yet.

    Args:
        features: [items, features].
        targets: float64 [items, targets].
        counts: int64 [items].
        order: float64 [items], as of `neighbourhood_order`.

    Returns:
        float32 [items, targets].
    """
    predictions = np.empty(targets.shape, dtype=np.float32)
    for fold in np.array_split(np.argsort(order, kind="stable"), _FOLDS):
        others = np.setdiff1d(np.arange(len(targets)), fold)
        regression = ContentRegression.fit(features[others], targets[others], counts[others])
        predictions[fold] = regression.predict(features[fold])
    return predictions


def content_features(fields: tuple[AnyFieldEncoder, ...], rows: EncodedRows) -> sparse.csr_matrix:
    """The attributes as a sparse matrix; every field contributes vectors of length about 1.

    Args:
        fields: Which of the rows' fields to use.
        rows: The items.

    Returns:
        float64 [items, features]; categories one-hot, several categories sharing the length, continuous fields as
        bumps, texts as they are, and the unknown value as a category of its own.
    """
    blocks = [_field_features(field, rows.fields[field.name].cpu()) for field in fields]
    return sparse.hstack([sparse.csr_matrix((len(rows), 0)), *blocks]).tocsr()


def content_width(fields: tuple[AnyFieldEncoder, ...]) -> int:
    """How many features `content_features` makes of fields."""
    return sum(_field_width(field) for field in fields)


def _field_width(field: AnyFieldEncoder) -> int:
    match field:
        case CategoricalEncoder() | MultiValuedEncoder():
            return len(field.values) + 1
        case ContinuousEncoder():
            return _BUMPS + 1
        case _:
            return TEXT_DIMENSIONS


def _field_features(field: AnyFieldEncoder, values: torch.Tensor) -> sparse.csr_matrix:
    match field:
        case CategoricalEncoder():
            return _indicators(values.unsqueeze(1).numpy(), len(field.values), padded=False)
        case MultiValuedEncoder():
            return _indicators(values.numpy(), len(field.values), padded=True)
        case ContinuousEncoder():
            return sparse.csr_matrix(_bumps(values.double().numpy()))
        case _:
            return sparse.csr_matrix(values.numpy())


def _indicators(indices: NDArray[np.int64], values: int, *, padded: bool) -> sparse.csr_matrix:
    """One column a value, the unknown one first; padding behind the first value counts for nothing."""
    present = indices > 0
    present[:, 0] |= ~present.any(axis=1) if padded else np.True_
    rows, slots = np.nonzero(present)
    lengths = np.sqrt(present.sum(axis=1))
    return sparse.csr_matrix((1.0 / lengths[rows], (rows, indices[rows, slots])), shape=(len(indices), values + 1))


def _bumps(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Standardised value and unknown flag [items, 2] → normalised radial basis and the flag [items, bumps + 1]."""
    centres = np.linspace(-3.0, 3.0, _BUMPS)
    bumps = np.exp(-0.5 * ((np.clip(values[:, :1], -3.0, 3.0) - centres) / _BUMP_WIDTH) ** 2)
    bumps /= np.linalg.norm(bumps, axis=1, keepdims=True)
    return np.hstack([bumps * (1.0 - values[:, 1:]), values[:, 1:]])
