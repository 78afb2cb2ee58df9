"""Area under the ROC curve of one user's relevant items."""

import numpy as np
from numpy.typing import NDArray

from models.metrics.lists.base import ListMeasure, RankedLists
from models.metrics.lists.negatives import SAMPLE, compared_scores
from models.metrics.measure import Direction


class AUC(ListMeasure):
    """The share of pairs of a relevant item and a negative in which the relevant one has the higher score.

    A tie counts one half (Mann & Whitney 1947). Undefined for a user without negatives.
    """

    unit = ""
    direction = Direction.HIGHER

    def __init__(self, *, sampled: bool) -> None:
        """Compare with `SAMPLE` negatives, or with all."""
        self._sampled = sampled
        self.name = f"auc@{SAMPLE if sampled else 'all'}"
        self.title = f"AUC against {f'{SAMPLE} sampled' if sampled else 'all'} negatives"

    def per_user(self, lists: RankedLists) -> NDArray[np.float64]:
        """A number from 0 to 1 for each user."""
        values = []
        for relevant, negatives in compared_scores(lists, sampled=self._sampled):
            ordered = np.sort(negatives)
            below = np.searchsorted(ordered, relevant, side="left")
            up_to = np.searchsorted(ordered, relevant, side="right")
            pairs = len(relevant) * len(negatives)
            values.append((below + up_to).sum() / (2 * pairs) if pairs else np.nan)
        return np.array(values, dtype=np.float64)
