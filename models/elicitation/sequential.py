"""The sequential strategy: each question depends on the answers and the skips so far."""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from models.learners.base import LastLayer
from models.learners.exposure import Exposure

_SHORTLIST = 200
"""How many items are considered: those that the user has most probably seen. It bounds the time, which grows with its
square."""

_TINY = 1e-12
"""Numerical tolerance: it keeps a division by 0 finite."""

_CHANCE_POWER = 2.0
"""Power of P(seen) in the score (docs/decisions/0006-asking.md). It shapes the order of the questions, and no model."""


@dataclass(frozen=True)
class Asked:
    """The questions to B users so far, padded to N items.

    Attributes:
        items: int64 [B, N], rows of the items.
        answered: bool [B, N], set where the user answered; unset for a skip and for padding.
        mask: bool [B, N], unset for padding.
    """

    items: NDArray[np.int64]
    answered: NDArray[np.bool_]
    mask: NDArray[np.bool_]

    @classmethod
    def of_one(cls, answered: NDArray[np.int64], skipped: NDArray[np.int64]) -> Self:
        """The questions to one user, given the rows of the answered and of the skipped items."""
        items = np.concatenate([answered, skipped])[None]
        return cls(items, np.arange(items.shape[1])[None] < len(answered), np.ones(items.shape, dtype=np.bool_))


class SequentialQuestions:
    """Chooses the question with the highest product of P(seen)² and the share of the variance that an answer removes.

    C is the posterior covariance of the user's ratings, given the answers so far. An answer about item j lowers the
    variance of item t by `C_tj² / (C_jj + σ_j²)` (Rasmussen & Williams 2006, §2.2). The mean over t is weighted by
    P(seen t). Skips lower P(seen) of similar items (`Exposure`). If several questions are chosen at once, each question
    lowers C by its expected effect `P(seen j) C_·j C_j· / (C_jj + σ_j²)` before the next one is chosen.

    A learner without a Bayesian last layer has no C. The entropy of the item's ratings then takes the place of the
    share of the variance.
    """

    def __init__(self, exposure: Exposure, entropies: NDArray[np.float64], last_layer: LastLayer | None) -> None:
        """Make the strategy for some items, all arguments in the same order of items.

        Args:
            exposure: The model of P(seen).
            entropies: float64 [items], the entropy of each item's ratings, in nats.
            last_layer: The learner's last layer; None if it has none (`Learner.last_layer`).
        """
        self._exposure = exposure
        self._entropies = entropies / max(entropies.max(initial=0.0), 1e-12)
        self._last_layer = (
            None if last_layer is None else (last_layer.features.cpu().numpy(), last_layer.noise.cpu().numpy())
        )

    def choose(self, asked: Asked, allowed: NDArray[np.bool_], n: int) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """The next n questions to B users.

        Args:
            asked: The questions so far. They are not asked again.
            allowed: bool [B, items], the items that may be asked about. Only their variance counts.
            n: How many questions at most. No user gets more than the user with the fewest items left can get.

        Returns:
            int64 [B, n], rows of the items, the best first, and float64 [B, n], their scores, in [0, 1] and falling.
        """
        remaining = allowed.copy()
        users, places = np.nonzero(asked.mask)
        remaining[users, asked.items[users, places]] = False
        n = min(n, int(remaining.sum(axis=1).min()))
        chances = self._exposure.probabilities(self._exposure.fold_in(asked.items, asked.answered, asked.mask))
        # Items that may not be asked about are in a shortlist only where there are not enough others.
        shortlist = _highest(np.where(remaining, chances, -1.0), max(_SHORTLIST, n))
        remaining = np.take_along_axis(remaining, shortlist, axis=1)
        chances = np.take_along_axis(chances, shortlist, axis=1) * remaining
        uncertainty = self._uncertainty(asked, shortlist, chances)
        all_users = np.arange(len(remaining))
        chosen = np.empty((len(remaining), n), dtype=np.int64)
        scores = np.empty((len(remaining), n))
        for place in range(n):
            gains = self._entropies[shortlist] if uncertainty is None else uncertainty.removed_shares()
            values = np.where(remaining, chances**_CHANCE_POWER * gains, -1.0)
            best = chosen[:, place] = values.argmax(axis=1)
            scores[:, place] = values[all_users, best]
            remaining[all_users, best] = False
            if uncertainty is not None:
                uncertainty.expect_answers(best, chances[all_users, best])
        return np.take_along_axis(shortlist, chosen, axis=1), np.minimum.accumulate(scores, axis=1)

    def _uncertainty(
        self, asked: Asked, shortlist: NDArray[np.int64], chances: NDArray[np.float64]
    ) -> "_Uncertainty | None":
        """The uncertainty of each user's shortlist (int64 [B, L]) after the answers; None without a last layer."""
        if self._last_layer is None:
            return None
        all_features, all_noise = self._last_layer
        features = all_features[shortlist]
        answered = all_features[asked.items] * asked.answered[..., None]
        between = features @ answered.swapaxes(1, 2)
        noise = all_noise[asked.items][..., None] * np.eye(asked.items.shape[1], dtype=np.float32)
        explained = between @ np.linalg.solve(answered @ answered.swapaxes(1, 2) + noise, between.swapaxes(1, 2))
        return _Uncertainty(features @ features.swapaxes(1, 2) - explained, all_noise[shortlist], chances)


class _Uncertainty:
    """The covariance C of the L items of each user's shortlist, and the effect of questions on it."""

    def __init__(
        self, covariance: NDArray[np.float32], noise: NDArray[np.float32], chances: NDArray[np.float64]
    ) -> None:
        """Keep the covariance (float32 [B, L, L]), the noise (float32 [B, L]) and P(seen) (float64 [B, L])."""
        self._covariance = covariance
        self._noise = noise
        self._weights = (chances / np.maximum(chances.sum(axis=1, keepdims=True), _TINY)).astype(np.float32)
        self._total = (self._weights * self._variances()).sum(axis=1, keepdims=True)

    def removed_shares(self) -> NDArray[np.float32]:
        """The share of the initial mean variance that an answer about each item would remove; float32 [B, L]."""
        explained = (self._weights[:, None] @ np.square(self._covariance))[:, 0]
        return np.asarray(explained / (self._variances() + self._noise) / np.maximum(self._total, _TINY))

    def expect_answers(self, columns: NDArray[np.int64], chances: NDArray[np.float64]) -> None:
        """Lower C by the expected effect of one question to each user, answered with these probabilities."""
        users = np.arange(len(columns))
        column = self._covariance[users, :, columns]
        shares = chances / (self._variances() + self._noise)[users, columns]
        self._covariance -= shares.astype(np.float32)[:, None, None] * column[:, :, None] * column[:, None, :]

    def _variances(self) -> NDArray[np.float32]:
        return np.diagonal(self._covariance, axis1=1, axis2=2)


def _highest(scores: NDArray[np.float64], n: int) -> NDArray[np.int64]:
    """Columns of the n highest scores of each row, rising; all columns if there are fewer than n."""
    n = min(n, scores.shape[1])
    if n == 0:
        return np.empty((len(scores), 0), dtype=np.int64)
    return np.sort(np.argpartition(-scores, n - 1, axis=1)[:, :n], axis=1)
