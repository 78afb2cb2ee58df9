"""The sequential strategy: each question depends on the answers and the skips so far."""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from models.elicitation.uncertainty import Uncertainty
from models.learners.base import LastLayer
from models.learners.exposure import Exposure

_SHORTLIST = 200
"""How many items are considered: those that the user has most probably seen. It bounds the time, which grows with its
square."""

CHANCE_POWER = 2.0
"""Power of P(seen), or of the chance of another answer, in the score (docs/decisions/0006-asking.md). It shapes the
order of the questions, and no model."""


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
            values = np.where(remaining, chances**CHANCE_POWER * gains, -1.0)
            best = chosen[:, place] = values.argmax(axis=1)
            scores[:, place] = values[all_users, best]
            remaining[all_users, best] = False
            if uncertainty is not None:
                uncertainty.expect_answers(best, chances[all_users, best])
        return np.take_along_axis(shortlist, chosen, axis=1), np.minimum.accumulate(scores, axis=1)

    def _uncertainty(
        self, asked: Asked, shortlist: NDArray[np.int64], chances: NDArray[np.float64]
    ) -> Uncertainty | None:
        """The uncertainty of each user's shortlist (int64 [B, L]) after the answers; None without a last layer."""
        if self._last_layer is None:
            return None
        all_features, all_noise = self._last_layer
        answered = all_features[asked.items] * asked.answered[..., None]
        return Uncertainty.after(
            answered, all_noise[asked.items], all_features[shortlist], all_noise[shortlist], chances
        )


def _highest(scores: NDArray[np.float64], n: int) -> NDArray[np.int64]:
    """Columns of the n highest scores of each row, rising; all columns if there are fewer than n."""
    n = min(n, scores.shape[1])
    if n == 0:
        return np.empty((len(scores), 0), dtype=np.int64)
    return np.sort(np.argpartition(-scores, n - 1, axis=1)[:, :n], axis=1)
