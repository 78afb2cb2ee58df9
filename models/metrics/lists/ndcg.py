"""Normalised discounted cumulative gain of a list."""

import numpy as np
from numpy.typing import NDArray

from models.metrics.lists.base import LIST_LENGTH, ListMeasure, RankedLists
from models.metrics.measure import Direction


class ListNDCG(ListMeasure):
    """`nDCG@k = DCG@k / IDCG@k` with `DCG@k = Σ_{r≤k} hit(r)/log2(1+r)`: the gain of a relevant item is 1.

    IDCG@k is the DCG of a list of min(k, relevant) hits (Järvelin & Kekäläinen, TOIS 20 (2002) 422).
    """

    name = f"list_ndcg@{LIST_LENGTH}"
    title = f"nDCG@{LIST_LENGTH}"
    unit = ""
    direction = Direction.HIGHER

    def per_user(self, lists: RankedLists) -> NDArray[np.float64]:
        """Each user's nDCG, in [0, 1]."""
        length = lists.hits.shape[1]
        discounts = 1.0 / np.log2(np.arange(2, length + 2))
        best = np.cumsum(discounts)[np.minimum(lists.relevant, length) - 1]
        return np.asarray(lists.hits @ discounts / best)
