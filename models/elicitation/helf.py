"""HELF: the harmonic mean of entropy and logarithm of frequency."""

import numpy as np

from models.elicitation.base import KnownItems
from models.elicitation.entropy import rating_entropies, share_of_largest
from models.elicitation.fixed import FixedQuestions
from models.elicitation.popularity import rating_counts

_TINY = 1e-12
"""Numerical tolerance: it keeps a division finite."""


def helf(known: KnownItems) -> FixedQuestions:
    """Score = `2 LF H / (LF + H)` with LF = ln n_j / ln users and H = H_j / max H (Rashid et al., SIGKDD Expl. 2008).

    Both are high where many people know an item and disagree about it. The paper divides the entropy by that of equally
    frequent ratings instead of the largest one.
    """
    counts = rating_counts(known)
    frequencies = np.log(np.maximum(counts, 1)) / np.log(max(known.training_users, 2))
    frequencies = np.minimum(frequencies, 1.0)
    entropies = share_of_largest(rating_entropies(known))
    return FixedQuestions(2 * frequencies * entropies / np.maximum(frequencies + entropies, _TINY), counts)
