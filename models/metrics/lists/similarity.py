"""How similar the lists of different users are."""

import numpy as np
from numpy.typing import NDArray

from models.metrics.lists.base import LIST_LENGTH, NO_ITEM, AllListsMeasure
from models.metrics.measure import Direction


class ListSimilarity(AllListsMeasure):
    """The share of k items that two users' lists have in common, mean over all pairs of users.

    Item j is common to `c_j (c_j − 1)/2` pairs, if it is in c_j lists. So the mean over the `U (U − 1)/2` pairs is
    `Σ_j c_j (c_j − 1) / (U (U − 1) k)`: exact, without going through the pairs. 1 − this is the personalisation
    of Zhou et al., PNAS 107 (2010) 4511. Undefined for a single user.
    """

    name = f"list_similarity@{LIST_LENGTH}"
    title = f"Similarity of two users' top {LIST_LENGTH}"
    unit = "share of common items"
    direction = Direction.LOWER

    def of_all(self, items: NDArray[np.int64]) -> float:
        """The mean share, in [0, 1]."""
        users, length = items.shape
        if users < 2:
            return float("nan")
        _, counts = np.unique(items[items != NO_ITEM], return_counts=True)
        return float((counts * (counts - 1)).sum() / (users * (users - 1) * length))
