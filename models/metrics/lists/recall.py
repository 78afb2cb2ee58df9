"""Recall of a list."""

import numpy as np
from numpy.typing import NDArray

from models.metrics.lists.base import LIST_LENGTH, ListMeasure, RankedLists
from models.metrics.measure import Direction


class Recall(ListMeasure):
    """`recall@k = hits / min(k, relevant)`, so that a perfect list of k items has the recall 1."""

    name = f"recall@{LIST_LENGTH}"
    title = f"Recall@{LIST_LENGTH}"
    unit = ""
    direction = Direction.HIGHER

    def per_user(self, lists: RankedLists) -> NDArray[np.float64]:
        """Each user's recall, in [0, 1]."""
        return np.asarray(lists.hits.sum(axis=1) / np.minimum(lists.relevant, lists.hits.shape[1]))
