"""What the ratings tell of the items: biases and factors, by alternating least squares."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import orthogonal_procrustes

from models.data.dataset import Dataset

_FACTOR_RIDGE = 10.0
_BIAS_RIDGE = 4.0
_SWEEPS = 12


@dataclass(frozen=True)
class Factorisation:
    """`y_ij ≈ μ + b_i + b_j + p_iᵀ q_j`, the items' side of it.

    Attributes:
        mean: μ.
        biases: float64 [items], b_j; 0 for an item without ratings.
        factors: float64 [items, rank], q_j; 0 for an item without ratings.
        counts: int64 [items], how many ratings each item has.
    """

    mean: float
    biases: NDArray[np.float64]
    factors: NDArray[np.float64]
    counts: NDArray[np.int64]

    def aligned_to(self, other: "Factorisation") -> "Factorisation":
        """The same factorisation with its factors turned towards another's, for a turn changes no prediction.

        The turn is the orthogonal Procrustes solution (Schönemann, Psychometrika 1966) over the items of both.
        """
        both = (self.counts > 0) & (other.counts > 0)
        turn, _ = orthogonal_procrustes(self.factors[both], other.factors[both])
        return replace(self, factors=self.factors @ turn)


def factorise(dataset: Dataset, training: NDArray[np.bool_], *, rank: int, seed: int) -> Factorisation:
    """Factorise the training ratings (Koren, Bell & Volinsky, IEEE Computer 2009, with alternating least squares).

    Each sweep solves one ridge regression a user and then one an item: bias and factors together, with ridge 4 on the
    bias and 10 on the factors.

    Args:
        dataset: The data set.
        training: bool [ratings], the ratings that may be used.
        rank: Number of factors.
        seed: Of the items' initial factors.
    """
    users, items = dataset.ratings.users[training], dataset.ratings.items[training]
    values = dataset.ratings.values[training].astype(np.float64)
    mean = float(values.mean())
    # Column 0 is the bias.
    item_side = np.random.default_rng(seed).normal(0.0, 0.1, (len(dataset.items), rank + 1))
    item_side[:, 0] = 0.0
    user_side = np.zeros((len(dataset.users), rank + 1))
    for _ in range(_SWEEPS):
        _solve_side(user_side, item_side, users, items, values - mean)
        _solve_side(item_side, user_side, items, users, values - mean)
    return Factorisation(
        mean=mean,
        biases=item_side[:, 0],
        factors=item_side[:, 1:],
        counts=np.bincount(items, minlength=len(dataset.items)),
    )


def _solve_side(
    side: NDArray[np.float64],
    other: NDArray[np.float64],
    own_rows: NDArray[np.int32],
    other_rows: NDArray[np.int32],
    residuals: NDArray[np.float64],
) -> None:
    """Fit every row of one side to the residuals, given the other side; a row without ratings becomes 0."""
    order = np.argsort(own_rows, kind="stable")
    ends = np.cumsum(np.bincount(own_rows, minlength=len(side)))
    targets = residuals[order] - other[other_rows[order], 0]
    inputs = other[other_rows[order]]
    inputs[:, 0] = 1.0
    ridge = np.diag([_BIAS_RIDGE, *[_FACTOR_RIDGE] * (side.shape[1] - 1)])
    start = 0
    for row, end in enumerate(ends):
        own = inputs[start:end]
        side[row] = np.linalg.solve(own.T @ own + ridge, own.T @ targets[start:end])
        start = end
