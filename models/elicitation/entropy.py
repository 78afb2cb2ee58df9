"""Entropy: ask for what people disagree about."""

import numpy as np
from numpy.typing import NDArray

from models.elicitation.base import KnownItems
from models.elicitation.fixed import FixedQuestions
from models.elicitation.popularity import rating_counts

_TINY = 1e-12
"""Numerical tolerance: it keeps a division finite."""


def entropy(known: KnownItems) -> FixedQuestions:
    """Score = H_j / max H, with the entropy `H_j = −Σ_r p_jr ln p_jr` of the ratings r of item j.

    It knows nothing of who could answer, and chooses items that hardly anybody knows (Rashid et al., IUI 2002, §3.2).
    """
    return FixedQuestions(share_of_largest(rating_entropies(known)), rating_counts(known))


def rating_entropies(known: KnownItems) -> NDArray[np.float64]:
    """The entropy of each item's ratings, in nats; float64 [items]."""
    return np.asarray(known.statistics["rating_entropy"].to_numpy())


def share_of_largest(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """The values (float64 [items], not negative) divided by the largest of them; float64 [items]."""
    return np.asarray(values / max(values.max(initial=0.0), _TINY))
