"""Novelty of a list: how few users have rated its items."""

import numpy as np
from numpy.typing import NDArray

from models.metrics.lists.base import LIST_LENGTH, NO_ITEM, ListMeasure, RankedLists
from models.metrics.measure import Direction, mean_where


class Novelty(ListMeasure):
    """The mean of −log₂ of the share of users who rated an item, over the list (Zhou et al., PNAS 107 (2010) 4511)."""

    name = f"novelty@{LIST_LENGTH}"
    title = f"Novelty@{LIST_LENGTH}"
    unit = "bits"
    direction = Direction.HIGHER

    def per_user(self, lists: RankedLists) -> NDArray[np.float64]:
        """Each list's mean, at least 0; NaN for an empty list."""
        return mean_where(lists.information[lists.items], lists.items != NO_ITEM, axis=1)


def information(counts: NDArray[np.int64], users: int) -> NDArray[np.float64]:
    """−log₂ of the share of users who rated each item; float64 [items].

    One more user who has rated everything is added, so that an item without ratings has a finite value: the share is
    `(n_j + 1)/(users + 1)`.

    Args:
        counts: int64 [items], how many of the users rated each item.
        users: The number of users.
    """
    return np.asarray(-np.log2((counts + 1) / (users + 1)))
