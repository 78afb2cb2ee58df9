"""Mean absolute error."""

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from models.metrics.measure import EXPECTED, ROUNDED, Direction, Measure, PredictedRatings, mean_where


class MeanAbsoluteError(Measure):
    """`MAE_i = 1/|H'_i| Σ_j |y_ij − ŷ_ij|` of user i, mean over users.

    Undefined for a user without query ratings.

    Args:
        name: The key in JSON.
        title: The name in reports.
        decoding: Which prediction is measured. The median is the best one for this measure.
    """

    unit = "rating points"
    direction = Direction.LOWER

    def __init__(self, name: str, title: str, *, decoding: Literal["mean", "median"]) -> None:
        self.name = name
        self.title = title
        self.decoding = ROUNDED if decoding == "median" else EXPECTED
        self._of_median = decoding == "median"

    def per_user(
        self, predicted: PredictedRatings, ratings: NDArray[np.float32], mask: NDArray[np.bool_]
    ) -> NDArray[np.float64]:
        """Each user's mean absolute error."""
        predictions = predicted.median if self._of_median else predicted.mean
        errors = np.abs(ratings.astype(np.float64) - predictions)
        return mean_where(errors, mask, axis=1)
