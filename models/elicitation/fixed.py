"""Fixed strategies: one score per item, the same for all users."""

import numpy as np
from numpy.typing import NDArray

from models.elicitation.asked import Asked
from models.elicitation.base import QuestionStrategy


class FixedQuestions(QuestionStrategy):
    """Asks for the items with the highest scores. Among equal scores, the item with more ratings comes first."""

    def __init__(self, scores: NDArray[np.float64], counts: NDArray[np.int64]) -> None:
        """Sort the items.

        Args:
            scores: float64 [items], in [0, 1].
            counts: int64 [items], the number of ratings of each item.
        """
        self.scores = scores
        self._order = np.lexsort((-counts, -scores))  # lexsort is stable

    def choose(self, asked: Asked, allowed: NDArray[np.bool_], n: int) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """The next n of the sorted items for each user."""
        remaining = asked.remaining(allowed)
        n = min(n, int(remaining.sum(axis=1).min()))
        chosen = np.stack([self._order[np.flatnonzero(of_user[self._order])[:n]] for of_user in remaining])
        return chosen, self.scores[chosen]
