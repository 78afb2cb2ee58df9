"""Popularity: ask for what most people know."""

import numpy as np
from numpy.typing import NDArray

from models.elicitation.base import KnownItems
from models.elicitation.fixed import FixedQuestions


def popularity(known: KnownItems) -> FixedQuestions:
    """Score = n_j / max n, with the number n_j of ratings of item j (Rashid et al., IUI 2002)."""
    return FixedQuestions(popularity_values(counts := rating_counts(known)), counts)


def popularity_values(counts: NDArray[np.int64]) -> NDArray[np.float64]:
    """The counts (int64 [items]) as shares of the largest one; float64 [items]."""
    return np.asarray(counts / max(counts.max(initial=0), 1))


def rating_counts(known: KnownItems) -> NDArray[np.int64]:
    """The number of ratings of each item; int64 [items]."""
    return np.asarray(known.statistics["rating_count"].to_numpy())
