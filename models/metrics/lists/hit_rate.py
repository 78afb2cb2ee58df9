"""Hit rate of a list."""

import numpy as np
from numpy.typing import NDArray

from models.metrics.lists.base import LIST_LENGTH, ListMeasure, RankedLists
from models.metrics.measure import Direction


class HitRate(ListMeasure):
    """1 for a list with at least one relevant item, else 0; over users it is the share of such lists."""

    name = f"hit_rate@{LIST_LENGTH}"
    title = f"Hit rate@{LIST_LENGTH}"
    unit = ""
    direction = Direction.HIGHER

    def per_user(self, lists: RankedLists) -> NDArray[np.float64]:
        """0 or 1 for each user."""
        return np.asarray(lists.hits.any(axis=1), dtype=np.float64)
