"""What the ratings tell of the items: biases and factors, by alternating least squares."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import block_diag, orthogonal_procrustes

from models.data.dataset import Dataset

_FACTOR_RIDGE = 10.0
_BIAS_RIDGE = 4.0
_SWEEPS = 12


@dataclass(frozen=True)
class Factorisation:
    """`y_ij ≈ μ + b_i + b_j + p_iᵀ q_j`.

    Attributes:
        mean: μ.
        users: float64 [users, 1 + rank], b_i and p_i.
        items: float64 [items, 1 + rank], b_j and q_j; 0 for an item without ratings.
        counts: int64 [items], how many ratings each item has.
    """

    mean: float
    users: NDArray[np.float64]
    items: NDArray[np.float64]
    counts: NDArray[np.int64]

    @property
    def biases(self) -> NDArray[np.float64]:
        """The items' b_j; float64 [items]."""
        return self.items[:, 0]

    @property
    def factors(self) -> NDArray[np.float64]:
        """The items' q_j; float64 [items, rank]."""
        return self.items[:, 1:]

    def aligned_to(self, other: "Factorisation") -> "Factorisation":
        """The same factorisation with its factors turned towards another's, for a turn changes no prediction.

        The turn is the orthogonal Procrustes solution (Schönemann, Psychometrika 1966) over the items of both.
        """
        both = (self.counts > 0) & (other.counts > 0)
        turn = block_diag(1.0, orthogonal_procrustes(self.factors[both], other.factors[both])[0])
        return replace(self, users=self.users @ turn, items=self.items @ turn)

    def with_items_drawn_towards(
        self, expected: NDArray[np.float64], dataset: Dataset, training: NDArray[np.bool_]
    ) -> "Factorisation":
        """The items' side solved once more, with what is expected of each item in the place of the ridge's 0.

        So few ratings only correct what is expected (collaborative topic regression, Wang & Blei, KDD 2011).

        Args:
            expected: float64 [items, 1 + rank], biases and factors.
            dataset: The data set of this factorisation.
            training: bool [ratings], the ratings of this factorisation.
        """
        users, items = dataset.ratings.users[training], dataset.ratings.items[training]
        residuals = dataset.ratings.values[training].astype(np.float64) - self.mean
        residuals = residuals - expected[items, 0] - np.einsum("nf,nf->n", self.users[users, 1:], expected[items, 1:])
        corrections = np.zeros_like(expected)
        _solve_side(corrections, self.users, items, users, residuals)
        return replace(self, items=expected + corrections)


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
    return Factorisation(mean, user_side, item_side, counts=np.bincount(items, minlength=len(dataset.items)))


def _solve_side(
    side: NDArray[np.float64],
    other: NDArray[np.float64],
    own_rows: NDArray[np.int32],
    other_rows: NDArray[np.int32],
    residuals: NDArray[np.float64],
) -> None:
    """Fit every row of one side to the residuals, given the other side; a row without ratings becomes 0."""
    order = np.argsort(own_rows, kind="stable")
    counts = np.bincount(own_rows, minlength=len(side))
    starts = np.cumsum(counts) - counts
    targets = residuals[order] - other[other_rows[order], 0]
    inputs = other[other_rows[order]]
    inputs[:, 0] = 1.0
    ridge = np.diag([_BIAS_RIDGE, *[_FACTOR_RIDGE] * (side.shape[1] - 1)])
    side[counts == 0] = 0.0
    # All rows with equally many ratings at once: most of a sparse data set's have very few.
    for count in np.unique(counts[counts > 0]):
        rows = np.flatnonzero(counts == count)
        own = starts[rows, None] + np.arange(count)
        chosen = inputs[own]
        transposed = chosen.transpose(0, 2, 1)
        side[rows] = np.linalg.solve(transposed @ chosen + ridge, transposed @ targets[own][..., None])[..., 0]
