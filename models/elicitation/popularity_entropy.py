"""Popularity × entropy: ask for what many people know and disagree about."""

import numpy as np

from models.elicitation.base import KnownItems
from models.elicitation.entropy import rating_entropies, share_of_largest
from models.elicitation.fixed import FixedQuestions
from models.elicitation.popularity import rating_counts


def popularity_entropy(known: KnownItems) -> FixedQuestions:
    """Score ∝ ln(1 + n_j) × H_j, popularity and entropy of the ratings (Rashid et al., IUI 2002, §3.3)."""
    counts = rating_counts(known)
    return FixedQuestions(share_of_largest(np.log1p(counts) * rating_entropies(known)), counts)
