"""Which items a user has seen: a logistic factorisation of who rated what, folded in from answers and skips."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from models.data.dataset import Dataset


class ExposureConfig(BaseModel):
    """The choices of the exposure model.

    Attributes:
        rank: Number of factors besides activity.
        item_ridge: Ridge on the items' loadings.
        bias_ridge: Ridge on the items' biases.
        sweeps: How often both sides are solved.
        max_users: Largest number of users. If there are more, a random sample is used. All pairs of users and items
            count, also those without a rating, so the memory grows with the product.
        max_items: Largest number of items with loadings: those with the most ratings. Other items get a bias from their
            number of ratings.
        unseen_log_odds: Log odds of an item without training ratings: practically never seen, and still finite.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    rank: Annotated[int, Field(ge=1)] = 8
    item_ridge: Annotated[float, Field(gt=0)] = 1.0
    bias_ridge: Annotated[float, Field(gt=0)] = 0.01
    sweeps: Annotated[int, Field(ge=1)] = 8
    max_users: Annotated[int, Field(ge=1)] = 10_000
    max_items: Annotated[int, Field(ge=1)] = 10_000
    unseen_log_odds: Annotated[float, Field(lt=0)] = -12.0


_CHUNK = 256
"""Rows solved at once, which bounds the memory."""

_FOLD_IN_STEPS = 50
"""Most steps of Newton's method, which bounds the time."""

_MAX_STEP = 2.0
"""Longest step of Newton's method, because longer ones overshoot. It does not change the optimum."""

_TOLERANCE = 1e-8
"""Numerical tolerance: Newton's method ends at a shorter step."""


@dataclass(frozen=True)
class Exposure:
    """`P(user i has seen item j) = σ(b_j + z_jᵀ p_i)` with the prior `p_i ~ N(0, I)` over users.

    Rating an item is taken for having seen it: a logistic matrix factorisation (Johnson, NIPS 2014 workshop), every
    pair of a user and an item without a rating a negative one.

    Attributes:
        biases: float64 [items], b_j.
        loadings: float64 [items, factors], z_j.
        unseen_log_odds: Bias of an item that training did not have.
    """

    biases: NDArray[np.float64]
    loadings: NDArray[np.float64]
    unseen_log_odds: float = ExposureConfig().unseen_log_odds

    @classmethod
    def fit(
        cls, dataset: Dataset, training: NDArray[np.bool_], *, seed: int, config: ExposureConfig | None = None
    ) -> Self:
        """Factorise who rated what.

        Alternating ridge regressions under the quadratic bound of the logistic loss (Jaakkola & Jordan 2000) take the
        likelihood up with every sweep. In the end the users' factors are made white, by which their prior becomes
        N(0, I): activity is one of the factors.

        Args:
            dataset: The data set.
            training: bool [ratings], the ratings that may be used.
            seed: Of the items' initial factors and of the sample of users.
            config: The choices; the defaults if it is None.
        """
        config = config or ExposureConfig()
        rank = config.rank
        generator = np.random.default_rng(seed)
        users, items = dataset.ratings.users[training], dataset.ratings.items[training]
        taken = np.unique(users)
        if len(taken) > config.max_users:
            taken = np.sort(generator.choice(taken, config.max_users, replace=False))
        kept = np.isin(users, taken)
        users, items = users[kept], items[kept]
        counts = np.bincount(items, minlength=len(dataset.items))
        shares = (counts + 0.5) / (len(taken) + 1.0)
        all_biases = np.where(counts > 0, np.log(shares / (1 - shares)), config.unseen_log_odds)
        rated = np.argsort(-counts, kind="stable")[: config.max_items]
        rated = np.sort(rated[counts[rated] > 0])
        columns = np.full(len(counts), -1)
        columns[rated] = np.arange(len(rated))
        kept = columns[items] >= 0
        seen = np.zeros((len(taken), len(rated)), dtype=np.bool_)
        seen[np.searchsorted(taken, users[kept]), columns[items[kept]]] = True

        # Column 0 of the users' factors is their activity: its loading is 1 until the end.
        loadings = generator.normal(0.0, 0.1, (len(rated), rank + 1)).astype(np.float32)
        loadings[:, 0] = 1.0
        factors = np.zeros((len(taken), rank + 1), dtype=np.float32)
        item_side = np.column_stack([all_biases[rated].astype(np.float32), loadings[:, 1:]])
        for _ in range(config.sweeps):
            _solve_side(factors, loadings, item_side[:, 0], seen, ridge=np.ones(rank + 1))
            _solve_side(
                item_side,
                np.column_stack([np.ones(len(taken), dtype=np.float32), factors[:, 1:]]),
                factors[:, 0],
                seen.T,
                ridge=np.array([config.bias_ridge, *[config.item_ridge] * rank]),
            )
            loadings[:, 1:] = item_side[:, 1:]
        mean, root = _mean_and_root(factors.astype(np.float64))
        all_biases[rated] = item_side[:, 0] + loadings @ mean
        all_loadings = np.zeros((len(dataset.items), rank + 1))
        all_loadings[rated] = loadings @ root
        return cls(all_biases, all_loadings, config.unseen_log_odds)

    def over(self, rows: Sequence[int | None]) -> "Exposure":
        """The same over other items: row of each in these, None for those that came after training."""
        known = np.array([row is not None for row in rows], dtype=np.bool_)
        taken = np.array([row for row in rows if row is not None], dtype=np.int64)
        biases = np.full(len(rows), self.unseen_log_odds)
        loadings = np.zeros((len(rows), self.loadings.shape[1]))
        biases[known], loadings[known] = self.biases[taken], self.loadings[taken]
        return replace(self, biases=biases, loadings=loadings)

    def at(self, rows: NDArray[np.int64]) -> "Exposure":
        """The same over some of the items."""
        return replace(self, biases=self.biases[rows], loadings=self.loadings[rows])

    def with_ratings(self, counts: NDArray[np.int64], *, users: int) -> "Exposure":
        """The same, with some items known by how many have rated them.

        Args:
            counts: int64 [items], above 0 for those items.
            users: How many could have rated them.
        """
        shares = (np.minimum(counts, users) + 0.5) / (users + 1.0)
        return replace(self, biases=np.where(counts > 0, np.log(shares / (1 - shares)), self.biases))

    def fold_in(
        self, items: NDArray[np.integer], seen: NDArray[np.bool_], mask: NDArray[np.bool_]
    ) -> NDArray[np.float64]:
        """The users' most probable factors, given what they have and have not seen, by Newton's method.

        Args:
            items: int [B, N], rows of items that each user was asked about.
            seen: bool [B, N], whether the user could answer.
            mask: bool [B, N]; where it is unset there is padding.

        Returns:
            float64 [B, factors]; the prior mean 0 of a user who was asked nothing.
        """
        biases, loadings = self.biases[items], self.loadings[items] * mask[..., None]
        factors = np.zeros((len(items), self.loadings.shape[1]))
        for _ in range(_FOLD_IN_STEPS if mask.any() else 0):
            probabilities = sigmoid(biases + _product(loadings, factors))
            gradient = _product(loadings.swapaxes(1, 2), seen - probabilities) - factors
            curvature = loadings.swapaxes(1, 2) @ (loadings * (probabilities * (1 - probabilities))[..., None])
            step = np.linalg.solve(curvature + np.eye(factors.shape[1]), gradient[..., None])[..., 0]
            length = np.linalg.norm(step, axis=1, keepdims=True)
            factors += step * np.minimum(1.0, _MAX_STEP / np.maximum(length, _TOLERANCE))
            if length.max() < _TOLERANCE:
                break
        return factors

    def probabilities(self, factors: NDArray[np.float64]) -> NDArray[np.float64]:
        """P(seen) of every item; float64 [B, items] for factors [B, factors]."""
        return sigmoid(self.log_odds(factors))

    def log_odds(self, factors: NDArray[np.float64]) -> NDArray[np.float64]:
        """The log odds of P(seen) of every item; float64 [B, items] for factors [B, factors]."""
        return np.asarray(self.biases + factors @ self.loadings.T)


def _solve_side(
    side: NDArray[np.float32],
    other: NDArray[np.float32],
    offsets: NDArray[np.float32],
    seen: NDArray[np.bool_],
    *,
    ridge: NDArray[np.float64],
) -> None:
    """One ridge regression a row of one side, given the other: bool [rows, others] seen, offsets of the others."""
    width = side.shape[1]
    squares = (other[:, :, None] * other[:, None, :]).reshape(len(other), width * width)
    for start in range(0, len(side), _CHUNK):
        rows = slice(start, start + _CHUNK)
        log_odds = np.abs(side[rows] @ other.T + offsets)
        weights = np.divide(
            np.tanh(log_odds / 2), 2 * log_odds, out=np.full_like(log_odds, 0.25), where=log_odds > 1e-3
        )
        normal = (weights @ squares).reshape(-1, width, width) + np.diag(ridge).astype(np.float32)
        targets = (seen[rows] - np.float32(0.5) - weights * offsets) @ other
        side[rows] = np.linalg.solve(normal, targets[..., None])[..., 0]


def _mean_and_root(factors: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean of the rows, and a matrix R with R Rᵀ their covariance."""
    width = factors.shape[1]
    mean = np.asarray(factors.mean(axis=0))
    centred = factors - mean
    covariance = centred.T @ centred / len(factors) + 1e-6 * np.eye(width)
    return mean, np.asarray(np.linalg.cholesky(covariance))


def sigmoid(log_odds: NDArray[np.float64]) -> NDArray[np.float64]:
    """The probabilities of these log odds."""
    return np.asarray(0.5 + 0.5 * np.tanh(0.5 * log_odds))


def _product(matrices: NDArray[np.float64], vectors: NDArray[np.float64]) -> NDArray[np.float64]:
    """[B, n, m] × [B, m] → [B, n]."""
    return np.asarray((matrices @ vectors[..., None])[..., 0])
