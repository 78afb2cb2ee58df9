"""The strategy that listens: questions chosen by the answers and the skips so far."""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from models.learners.base import LastLayer
from models.learners.exposure import Exposure

_SHORTLIST = 200
"""Only so many of the items that the user has most probably seen are considered. Others would be skipped, and the time
grows with the square of this number."""

_TINY = 1e-12
"""Keeps a division by 0 finite."""

_CHANCE_POWER = 2.0
"""Power of P(seen) in the score (docs/decisions/0006-asking.md). It chooses questions and shapes no model."""


@dataclass(frozen=True)
class Asked:
    """What B users were asked about, padded to N items.

    Attributes:
        items: int64 [B, N], rows of the items.
        answered: bool [B, N], unset for a skip and where there is padding.
        mask: bool [B, N], set where there was a question.
    """

    items: NDArray[np.int64]
    answered: NDArray[np.bool_]
    mask: NDArray[np.bool_]

    @classmethod
    def of_one(cls, answered: NDArray[np.int64], skipped: NDArray[np.int64]) -> Self:
        """What one user has answered and skipped, as rows of the items."""
        items = np.concatenate([answered, skipped])[None]
        return cls(items, np.arange(items.shape[1])[None] < len(answered), np.ones(items.shape, dtype=np.bool_))


class SequentialQuestions:
    """Asks next what promises most: the chance of an answer × the variance that the answer would take.

    With C the posterior covariance of a user's ratings after the answers so far, an answer about item j lowers the
    variance of item t by `C_tj² / (C_jj + σ_j²)` (Rasmussen & Williams 2006, §2.2); the mean over t is weighted by
    the chance that the user meets t, for which P(seen) stands again. Skips teach what else has not been seen
    (`Exposure`). Of several questions at once, each is chosen for what those before it leave: by then C is expected to
    have lost `P(seen j) C_·j C_j· / (C_jj + σ_j²)`.

    A learner without a last layer to solve for knows no C. An answer is then worth the entropy of the item's ratings,
    which is what it would tell if nothing else were known.
    """

    def __init__(self, exposure: Exposure, entropies: NDArray[np.float64], last_layer: LastLayer | None) -> None:
        """Take what is known of the items, all in the same order.

        Args:
            exposure: P(seen).
            entropies: float64 [items], of each item's ratings in nats.
            last_layer: Of a learner that has one.
        """
        self._exposure = exposure
        self._entropies = entropies / max(entropies.max(initial=0.0), 1e-12)
        self._last_layer = (
            None if last_layer is None else (last_layer.features.cpu().numpy(), last_layer.noise.cpu().numpy())
        )

    def choose(self, asked: Asked, allowed: NDArray[np.bool_], n: int) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """The next n questions to B users.

        Args:
            asked: What was asked before, and is not asked again.
            allowed: bool [B, items], what may be asked and is to be learned about.
            n: Most questions; fewer where fewer items are left to one of the users.

        Returns:
            int64 [B, n], rows of the items, the best first, and float64 [B, n], their scores: chance × worth, the worth
            as a share of all variance that there is; in [0, 1] and falling.
        """
        left = allowed.copy()
        users, places = np.nonzero(asked.mask)
        left[users, asked.items[users, places]] = False
        n = min(n, int(left.sum(axis=1).min()))
        chances = self._exposure.probabilities(self._exposure.fold_in(asked.items, asked.answered, asked.mask))
        # What may not be asked only fills the shortlists up, if at all.
        shortlist = _highest(np.where(left, chances, -1.0), max(_SHORTLIST, n))
        left = np.take_along_axis(left, shortlist, axis=1)
        chances = np.take_along_axis(chances, shortlist, axis=1) * left
        uncertainty = self._uncertainty(asked, shortlist, chances)
        everyone = np.arange(len(left))
        chosen = np.empty((len(left), n), dtype=np.int64)
        scores = np.empty((len(left), n))
        for place in range(n):
            worths = self._entropies[shortlist] if uncertainty is None else uncertainty.shares_taken()
            values = np.where(left, chances**_CHANCE_POWER * worths, -1.0)
            best = chosen[:, place] = values.argmax(axis=1)
            scores[:, place] = values[everyone, best]
            left[everyone, best] = False
            if uncertainty is not None:
                uncertainty.expect_answers(best, chances[everyone, best])
        return np.take_along_axis(shortlist, chosen, axis=1), np.minimum.accumulate(scores, axis=1)

    def _uncertainty(
        self, asked: Asked, shortlist: NDArray[np.int64], chances: NDArray[np.float64]
    ) -> "_Uncertainty | None":
        """What is left to learn of each user's shortlist (int64 [B, L]); None without a last layer."""
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
    """C between the L items of each user's shortlist, and what questions take from it."""

    def __init__(
        self, covariance: NDArray[np.float32], noise: NDArray[np.float32], chances: NDArray[np.float64]
    ) -> None:
        """Take float32 [B, L, L], and [B, L] each of the noise and of P(seen)."""
        self._covariance = covariance
        self._noise = noise
        self._weights = (chances / np.maximum(chances.sum(axis=1, keepdims=True), _TINY)).astype(np.float32)
        self._total = (self._weights * self._variances()).sum(axis=1, keepdims=True)

    def shares_taken(self) -> NDArray[np.float32]:
        """Of the mean variance at first, the share that an answer about each item would take now; float32 [B, L]."""
        explained = (self._weights[:, None] @ np.square(self._covariance))[:, 0]
        return np.asarray(explained / (self._variances() + self._noise) / np.maximum(self._total, _TINY))

    def expect_answers(self, columns: NDArray[np.int64], chances: NDArray[np.float64]) -> None:
        """Lose what is expected to be lost by one question to each user, who answers with these chances."""
        users = np.arange(len(columns))
        column = self._covariance[users, :, columns]
        shares = chances / (self._variances() + self._noise)[users, columns]
        self._covariance -= shares.astype(np.float32)[:, None, None] * column[:, :, None] * column[:, None, :]

    def _variances(self) -> NDArray[np.float32]:
        return np.diagonal(self._covariance, axis1=1, axis2=2)


def _highest(scores: NDArray[np.float64], n: int) -> NDArray[np.int64]:
    """Columns of the n highest scores of each row, in the columns' order; all if there are no more."""
    n = min(n, scores.shape[1])
    if n == 0:
        return np.empty((len(scores), 0), dtype=np.int64)
    return np.sort(np.argpartition(-scores, n - 1, axis=1)[:, :n], axis=1)
