"""Matrix factorisation: biases and factors of users and items, by alternating least squares."""

from dataclasses import dataclass, replace
from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from models.data.dataset import Dataset


class FactorisationConfig(BaseModel):
    """The choices of the factorisation.

    Attributes:
        rank: Number of factors.
        factor_ridge: Ridge on the factors.
        bias_ridge: Ridge on the biases.
        sweeps: Number of sweeps. Each solves for the users, then for the items.
        initial_scale: Standard deviation of the items' initial factors.
        seed: Seed of the initial factors. Different seeds give nearly the same factorisation.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    rank: Annotated[int, Field(ge=1)] = 16
    factor_ridge: Annotated[float, Field(gt=0)] = 10.0
    bias_ridge: Annotated[float, Field(gt=0)] = 4.0
    sweeps: Annotated[int, Field(ge=1)] = 12
    initial_scale: Annotated[float, Field(gt=0)] = 0.1
    seed: Annotated[int, Field(ge=0)] = 0


@dataclass(frozen=True)
class Factorisation:
    """`y_ij ≈ μ + b_i + b_j + p_iᵀ q_j`.

    Attributes:
        config: The choices.
        mean: μ.
        users: float64 [users, 1 + rank], b_i and p_i.
        items: float64 [items, 1 + rank], b_j and q_j; 0 for an item without ratings.
        counts: int64 [items], the number of ratings of each item.
    """

    config: FactorisationConfig
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
        """The same factorisation with its factors rotated towards another's. A rotation changes no prediction.

        The rotation is the orthogonal Procrustes solution (Schönemann, Psychometrika 1966) over the items of both.
        """
        both = (self.counts > 0) & (other.counts > 0)
        left, _, right = np.linalg.svd(self.factors[both].T @ other.factors[both])
        rotation = np.eye(self.items.shape[1])  # the biases stay as they are
        rotation[1:, 1:] = left @ right
        return replace(self, users=self.users @ rotation, items=self.items @ rotation)

    def with_items_shrunk_to(
        self, expected: NDArray[np.float64], dataset: Dataset, training: NDArray[np.bool_]
    ) -> "Factorisation":
        """Solve for the items once more, with the ridge towards expected values instead of 0.

        An item with few ratings then stays near its expected value (collaborative topic regression, Wang & Blei, KDD
        2011).

        Args:
            expected: float64 [items, 1 + rank], biases and factors.
            dataset: The data set of this factorisation.
            training: bool [ratings], the ratings of this factorisation.
        """
        users, items = dataset.ratings.users[training], dataset.ratings.items[training]
        residuals = dataset.ratings.values[training].astype(np.float64) - self.mean
        residuals = residuals - expected[items, 0] - np.einsum("nf,nf->n", self.users[users, 1:], expected[items, 1:])
        corrections = np.zeros_like(expected)
        _solve_side(corrections, self.users, items, users, residuals, self.config)
        return replace(self, items=expected + corrections)


def factorise(dataset: Dataset, training: NDArray[np.bool_], config: FactorisationConfig) -> Factorisation:
    """Factorise the training ratings (Koren, Bell & Volinsky, IEEE Computer 2009, with alternating least squares).

    Each sweep solves one ridge regression for each user and then one for each item: bias and factors together.

    Args:
        dataset: The data set.
        training: bool [ratings], the ratings that may be used.
        config: The choices.
    """
    users, items = dataset.ratings.users[training], dataset.ratings.items[training]
    values = dataset.ratings.values[training].astype(np.float64)
    mean = float(values.mean())
    # Column 0 is the bias.
    item_side = np.random.default_rng(config.seed).normal(
        0.0, config.initial_scale, (len(dataset.items), config.rank + 1)
    )
    item_side[:, 0] = 0.0
    user_side = np.zeros((len(dataset.users), config.rank + 1))
    for _ in range(config.sweeps):
        _solve_side(user_side, item_side, users, items, values - mean, config)
        _solve_side(item_side, user_side, items, users, values - mean, config)
    return Factorisation(config, mean, user_side, item_side, np.bincount(items, minlength=len(dataset.items)))


def _solve_side(
    side: NDArray[np.float64],
    other: NDArray[np.float64],
    rows: NDArray[np.int32],
    other_rows: NDArray[np.int32],
    residuals: NDArray[np.float64],
    config: FactorisationConfig,
) -> None:
    """Fit every row of one side to the residuals, given the other side; a row without ratings becomes 0."""
    order = np.argsort(rows, kind="stable")
    counts = np.bincount(rows, minlength=len(side))
    starts = np.cumsum(counts) - counts
    targets = residuals[order] - other[other_rows[order], 0]
    inputs = other[other_rows[order]]
    inputs[:, 0] = 1.0
    ridge = np.diag([config.bias_ridge, *[config.factor_ridge] * (side.shape[1] - 1)])
    side[counts == 0] = 0.0
    # All rows with the same number of ratings are solved at once: most rows of a sparse data set have very few.
    for count in np.unique(counts[counts > 0]):
        solved = np.flatnonzero(counts == count)
        ratings = starts[solved, None] + np.arange(count)
        chosen = inputs[ratings]
        transposed = chosen.transpose(0, 2, 1)
        side[solved] = np.linalg.solve(transposed @ chosen + ridge, transposed @ targets[ratings][..., None])[..., 0]
