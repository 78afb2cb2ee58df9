"""Adaptive strategies over a shortlist of what the user has probably seen: each question follows from the answers."""

from abc import abstractmethod

import numpy as np
from numpy.typing import NDArray

from models.elicitation.asked import Asked
from models.elicitation.base import QuestionStrategy
from models.elicitation.uncertainty import Uncertainty
from models.learners.base import LastLayer
from models.learners.exposure import Exposure, sigmoid

_SHORTLIST = 200
"""How many items are considered: those that the user has most probably seen. It bounds the time, which grows with its
square."""


class AdaptiveQuestions(QuestionStrategy):
    """Chooses the question with the highest worth, one after the other, among the items most probably seen.

    Skips lower P(seen) of similar items (`Exposure`), and answers lower what is unknown (`Uncertainty`). In a screen of
    several questions, each question lowers it by its expected effect `P(seen j) C_·j C_j· / (C_jj + σ_j²)` before the
    next one is chosen, so that a screen is chosen as a set.
    """

    def __init__(self, exposure: Exposure, last_layer: LastLayer | None) -> None:
        """Make the strategy for some items, all arguments in the same order of items.

        Args:
            exposure: The model of P(seen).
            last_layer: The learner's last layer; None if it has none (`Learner.last_layer`).
        """
        self._exposure = exposure
        self._last_layer = (
            None if last_layer is None else (last_layer.features.cpu().numpy(), last_layer.noise.cpu().numpy())
        )

    @abstractmethod
    def _worths(
        self, shortlist: NDArray[np.int64], chances: NDArray[np.float64], uncertainty: Uncertainty | None
    ) -> NDArray[np.float64]:
        """What asking about each item of the shortlists is worth; float64 [B, L], in [0, 1].

        Args:
            shortlist: int64 [B, L], rows of the items.
            chances: float64 [B, L], P(seen); 0 for an item that may not be asked about.
            uncertainty: What is unknown of their ratings; None without a last layer.
        """

    def choose(self, asked: Asked, allowed: NDArray[np.bool_], n: int) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """The next screen of n questions to each user. Only the variance of items that may be asked about counts."""
        remaining = asked.remaining(allowed)
        n = min(n, int(remaining.sum(axis=1).min()))
        log_odds = self._exposure.log_odds(self._exposure.fold_in(asked.items, asked.answered, asked.mask))
        # Items that may not be asked about are in a shortlist only where there are not enough others.
        shortlist = _highest(np.where(remaining, log_odds, -np.inf), max(_SHORTLIST, n))
        remaining = np.take_along_axis(remaining, shortlist, axis=1)
        chances = sigmoid(np.take_along_axis(log_odds, shortlist, axis=1)) * remaining
        uncertainty = self._uncertainty(asked, shortlist, chances)
        all_users = np.arange(len(remaining))
        chosen = np.empty((len(remaining), n), dtype=np.int64)
        scores = np.empty((len(remaining), n))
        for place in range(n):
            values = np.where(remaining, self._worths(shortlist, chances, uncertainty), -1.0)
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
