"""Random: every item is as likely as any other."""

import numpy as np

from models.elicitation.base import KnownItems
from models.elicitation.fixed import FixedQuestions
from models.elicitation.popularity import rating_counts


class RandomItems(FixedQuestions):
    """Scores are drawn from a seed. It is what a strategy should be better than."""

    def __init__(self, known: KnownItems, seed: int = 0) -> None:
        self._known = known
        counts = rating_counts(known)
        super().__init__(np.random.default_rng(seed).random(len(counts)), counts)

    def with_seed(self, seed: int) -> "RandomItems":
        """The items in the order of another seed."""
        return RandomItems(self._known, seed)
