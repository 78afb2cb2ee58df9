"""The sequential strategy: P(seen)² × the share of the variance that an answer removes."""

import numpy as np
from numpy.typing import NDArray

from models.elicitation.adaptive import AdaptiveQuestions
from models.elicitation.base import KnownItems
from models.elicitation.entropy import rating_entropies, share_of_largest
from models.elicitation.uncertainty import Uncertainty
from models.learners.base import LastLayer
from models.learners.exposure import Exposure

CHANCE_POWER = 2.0
"""Power of P(seen), or of the chance of another answer, in the score (docs/decisions/0006-asking.md). It shapes the
order of the questions, and no model."""


class SequentialQuestions(AdaptiveQuestions):
    """Worth = P(seen)² × the share of the variance that an answer removes; the mean over items is weighted by P(seen).

    A learner without a Bayesian last layer has no variance. The entropy of the item's ratings then takes the place of
    the share.
    """

    def __init__(self, exposure: Exposure, entropies: NDArray[np.float64], last_layer: LastLayer | None) -> None:
        """Make the strategy for some items, all arguments in the same order of items.

        Args:
            exposure: The model of P(seen).
            entropies: float64 [items], the entropy of each item's ratings, in nats.
            last_layer: The learner's last layer; None if it has none (`Learner.last_layer`).
        """
        super().__init__(exposure, last_layer)
        self._entropies = share_of_largest(entropies)

    def _worths(
        self, shortlist: NDArray[np.int64], chances: NDArray[np.float64], uncertainty: Uncertainty | None
    ) -> NDArray[np.float64]:
        gains = self._entropies[shortlist] if uncertainty is None else uncertainty.removed_shares()
        return np.asarray(chances**CHANCE_POWER * gains)


def sequential(known: KnownItems) -> SequentialQuestions:
    """The strategy over the items of a catalogue."""
    return SequentialQuestions(known.exposure, rating_entropies(known), known.last_layer)
