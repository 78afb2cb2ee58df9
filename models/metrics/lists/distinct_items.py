"""How many items are shown at all."""

import numpy as np
from numpy.typing import NDArray

from models.metrics.lists.base import LIST_LENGTH, NO_ITEM, AllListsMeasure
from models.metrics.measure import Direction


class DistinctItems(AllListsMeasure):
    """The number of items that are in at least one user's list."""

    name = f"distinct_items@{LIST_LENGTH}"
    title = f"Distinct items in the top {LIST_LENGTH}"
    unit = "items"
    direction = Direction.HIGHER

    def of_all(self, items: NDArray[np.int64]) -> float:
        """The number."""
        return float(len(np.unique(items[items != NO_ITEM])))
