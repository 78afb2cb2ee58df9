"""Choosing the items with the highest scores."""

import numpy as np
from numpy.typing import NDArray


def best_places(scores: NDArray[np.floating], counts: NDArray[np.int64], n: int) -> NDArray[np.int64]:
    """Places of the n highest scores, best first.

    Args:
        scores: [items].
        counts: int64 [items], the number of ratings of each item. Among equal scores, the item with more ratings comes
            first, then the item of the lower place.
        n: How many places to return at most.
    """
    places = np.arange(len(scores))
    if 0 < n < len(scores):
        # All items that reach the n-th score, so that ties at the end are resolved like all others.
        places = np.flatnonzero(scores >= np.partition(scores, len(scores) - n)[len(scores) - n])
    order = np.lexsort((-counts[places], -scores[places]))  # lexsort is stable
    return np.asarray(places[order[:n]])
