"""Entropy0: the entropy of an item's answers, of which "I do not know it" is one."""

import numpy as np
from numpy.typing import NDArray

from models.elicitation.base import KnownItems
from models.elicitation.entropy import rating_entropies, share_of_largest
from models.elicitation.fixed import FixedQuestions
from models.elicitation.popularity import rating_counts

_UNKNOWN_WEIGHT = 0.5
"""The weight of the answer "I do not know it"; a rating has the weight 1 (Rashid et al. 2008, §4.3)."""


def entropy0(known: KnownItems) -> FixedQuestions:
    """Score ∝ `−Σ_a w_a p_ja ln p_ja` over the ratings a and the answer "unknown" (Rashid et al., SIGKDD Expl. 2008).

    With the share s of the users who rated the item, and the entropy H of the ratings, that is
    `s H − s ln s − w₀ (1 − s) ln(1 − s)`. The published score also divides by the sum of the weights, which is the same
    for all items.
    """
    counts = rating_counts(known)
    shares = np.minimum(counts / max(known.training_users, 1), 1.0)
    of_rated = shares * rating_entropies(known) + _surprise(shares)
    return FixedQuestions(share_of_largest(of_rated + _UNKNOWN_WEIGHT * _surprise(1 - shares)), counts)


def _surprise(shares: NDArray[np.float64]) -> NDArray[np.float64]:
    """−p ln p; 0 for 0."""
    return np.asarray(-shares * np.log(np.where(shares > 0, shares, 1.0)))
