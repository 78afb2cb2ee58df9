"""What the attributes tell of items that have no ratings: their biases and factors, by ridge regression."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from sklearn.linear_model import Ridge
from sklearn.preprocessing import normalize

from models.data.schema import FieldKind
from models.inputs.features import (
    UNKNOWN,
    AnyFieldEncoder,
    CategoricalEncoder,
    ContinuousEncoder,
    EncodedRows,
    MultiValuedEncoder,
    TextEncoder,
    VocabularyEncoder,
)

_OWN_VARIANCE = 0.1
"""Of what an item is beyond its attributes, in squared rating units."""

_RATING_VARIANCE = 0.8
"""Of one rating around its item's level: an item's targets are as unsure as this over the number of its ratings."""

_FIELD_VARIANCES = {
    FieldKind.CATEGORICAL: 0.05,
    FieldKind.MULTI_VALUED: 0.05,
    FieldKind.CONTINUOUS: 0.1,
    FieldKind.TEXT: 0.2,
}
"""Prior variance of what a field tells of an item. Chosen on the latest years inside `warm`, where halving or doubling
any of them changed little."""

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
            features: [items, features], as of `likeness_features`.
            targets: float64 [items, targets].
            counts: int64 [items], how many ratings are behind each item's targets; an item of none counts for nothing.
        """
        ridge = Ridge(alpha=1.0, solver="sparse_cg", tol=1e-5, random_state=0)
        # The inverse of _OWN_VARIANCE + _RATING_VARIANCE / counts.
        ridge.fit(features, targets, sample_weight=counts / (_OWN_VARIANCE * counts + _RATING_VARIANCE))
        return cls(coefficients=ridge.coef_.T.astype(np.float32), intercepts=ridge.intercept_.astype(np.float32))

    def predict(self, features: sparse.csr_matrix) -> NDArray[np.float32]:
        """Predict; float32 [items, targets]."""
        return np.asarray(features @ self.coefficients + self.intercepts, dtype=np.float32)


def predict_out_of_fold(
    features: sparse.csr_matrix,
    targets: NDArray[np.float64],
    counts: NDArray[np.int64],
    order: NDArray[np.float64],
) -> NDArray[np.float32]:
    """What attributes predict of each item if it and its fold were new.

    Args:
        features: [items, features].
        targets: float64 [items, targets].
        counts: int64 [items].
        order: float64 [items]; blocks of it are the folds.

    Returns:
        float32 [items, targets].
    """
    predictions = np.empty(targets.shape, dtype=np.float32)
    for fold in np.array_split(np.argsort(order, kind="stable"), _FOLDS):
        others = np.setdiff1d(np.arange(len(targets)), fold)
        regression = ContentRegression.fit(features[others], targets[others], counts[others])
        predictions[fold] = regression.predict(features[fold])
    return predictions


def content_features(fields: Sequence[AnyFieldEncoder], rows: EncodedRows) -> sparse.csr_matrix:
    """The attributes as a sparse matrix; every field contributes vectors of length about 1.

    Args:
        fields: Which of the rows' fields to use.
        rows: The items or users.

    Returns:
        float64 [rows, features]; a category is one-hot, the unknown one too, which rare ones are taken for; several
        categories and the words of a text share the length; a continuous field is spread over bumps.
    """
    return _side_by_side([_field_features(field, rows, _frequent(field)) for field in fields], rows)


def likeness_features(fields: Sequence[AnyFieldEncoder], rows: EncodedRows) -> sparse.csr_matrix:
    """Features whose inner product says how alike items are: those of rare values too, each field by its variance.

    Args:
        fields: Which of the rows' fields to use.
        rows: The items.

    Returns:
        float64 [rows, features]; a field's vectors have the length √v, v its prior variance.
    """
    blocks = [np.sqrt(_FIELD_VARIANCES[field.kind]) * _field_features(field, rows, _known(field)) for field in fields]
    return _side_by_side(blocks, rows)


def likeness_width(fields: Sequence[AnyFieldEncoder]) -> int:
    """How many features `likeness_features` makes of fields."""
    return sum(_field_width(field) for field in fields)


def _side_by_side(blocks: Sequence[sparse.csr_matrix], rows: EncodedRows) -> sparse.csr_matrix:
    return sparse.hstack([sparse.csr_matrix((len(rows), 0)), *blocks]).tocsr()


def _frequent(field: AnyFieldEncoder) -> int:
    return field.frequent if isinstance(field, VocabularyEncoder) else 0


def _known(field: AnyFieldEncoder) -> int:
    return len(field.values) if isinstance(field, VocabularyEncoder) else 0


def _field_width(field: AnyFieldEncoder) -> int:
    match field:
        case CategoricalEncoder():
            return len(field.values) + 1
        case ContinuousEncoder():
            return _BUMPS + 1
        case _:
            return len(field.values)


def _field_features(field: AnyFieldEncoder, rows: EncodedRows, categories: int) -> sparse.csr_matrix:
    values = rows.fields[field.name].cpu()
    match field:
        case CategoricalEncoder():
            known = np.where(values <= categories, values, UNKNOWN)
            return sparse.csr_matrix((np.ones(len(rows)), (np.arange(len(rows)), known)), (len(rows), categories + 1))
        case MultiValuedEncoder():
            return _indicators(values.numpy(), np.ones(categories))
        case TextEncoder():
            return _indicators(values.numpy(), np.array(field.weights[:categories]))
        case _:
            return sparse.csr_matrix(_bumps(values.double().numpy()))


def _indicators(indices: NDArray[np.int64], weights: NDArray[np.float64]) -> sparse.csr_matrix:
    """One column a value, and rows of length 1; 0 where nothing is known.

    Args:
        indices: int64 [rows, values], from 1; padding, 0, counts for nothing, nor does what has no weight.
        weights: float64 [values], how much each tells.
    """
    rows, slots = np.nonzero((indices > 0) & (indices <= len(weights)))
    columns = indices[rows, slots] - 1
    features = sparse.csr_matrix((weights[columns], (rows, columns)), shape=(len(indices), len(weights)))
    return normalize(features) if len(indices) else features  # scikit-learn takes no empty matrix


def _bumps(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Standardised value and unknown flag [items, 2] → normalised radial basis and the flag [items, bumps + 1]."""
    centres = np.linspace(-3.0, 3.0, _BUMPS)
    bumps = np.exp(-0.5 * ((np.clip(values[:, :1], -3.0, 3.0) - centres) / _BUMP_WIDTH) ** 2)
    bumps /= np.linalg.norm(bumps, axis=1, keepdims=True)
    return np.hstack([bumps * (1.0 - values[:, 1:]), values[:, 1:]])
