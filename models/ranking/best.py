"""The best by a score."""

import numpy as np
from numpy.typing import NDArray


def best_places(scores: NDArray[np.floating], counts: NDArray[np.int64], n: int) -> NDArray[np.int64]:
    """Places of the n highest scores, best first.

    Args:
        scores: [items].
        counts: int64 [items], how many ratings each item has: of equal scores the more popular item's comes first,
            and of those the first.
        n: Most places to return.
    """
    places = np.arange(len(scores))
    if 0 < n < len(scores):
        # All that reach the n-th score, so that ties at the end are resolved like all others.
        places = np.flatnonzero(scores >= np.partition(scores, len(scores) - n)[len(scores) - n])
    order = np.lexsort((-counts[places], -scores[places]))  # is stable
    return np.asarray(places[order[:n]])
