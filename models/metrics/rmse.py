"""Root mean squared error."""

import numpy as np
from numpy.typing import NDArray

from models.metrics.measure import EXPECTED, Direction, Measure, PredictedRatings, mean_where


class RootMeanSquaredError(Measure):
    """`RMSE_i = √(1/|H'_i| Σ_j (y_ij − ŷ_ij)²)` of user i, with the expected rating as the prediction.

    The RMSE of several users is the root of the mean of their squares, `√(1/|U| Σ_i RMSE_i²)`. So every user counts
    the same, with few query ratings or many, as in the MAE. Undefined for a user without query ratings.
    """

    name = "rmse"
    title = "RMSE"
    unit = "rating points"
    direction = Direction.LOWER
    decoding = EXPECTED

    def per_user(
        self, predicted: PredictedRatings, ratings: NDArray[np.float32], mask: NDArray[np.bool_]
    ) -> NDArray[np.float64]:
        """Each user's root mean squared error."""
        errors = np.square(ratings.astype(np.float64) - predicted.mean)
        return np.sqrt(mean_where(errors, mask, axis=1))

    def to_summand(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """The squares."""
        return np.square(values)

    def from_mean(self, means: NDArray[np.float64]) -> NDArray[np.float64]:
        """The roots."""
        return np.sqrt(means)
