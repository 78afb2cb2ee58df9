"""Random: every item is as likely as any other."""

import numpy as np

from models.elicitation.base import KnownItems
from models.elicitation.fixed import FixedQuestions


class RandomItems(FixedQuestions):
    """The order is drawn from a seed. It is what a strategy should be better than."""

    def __init__(self, known: KnownItems, seed: int = 0) -> None:
        self._known = known
        count = len(known.statistics)
        # Drawn as an order: to sort a large catalogue for every seed takes longer than a request may.
        self._order = np.random.default_rng(seed).permutation(count)
        self.scores = np.empty(count)
        self.scores[self._order] = 1 - np.arange(count) / max(count, 1)

    def with_seed(self, seed: int) -> "RandomItems":
        """The items in the order of another seed."""
        return RandomItems(self._known, seed)
