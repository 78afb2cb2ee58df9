"""Mean squared error, whose root over users is the RMSE."""

import numpy as np
from numpy.typing import NDArray


def mse(ratings: NDArray[np.float32], predictions: NDArray[np.float32], mask: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Mean squared error within each user: `1/|H'_i| Σ_j (y_ij − ŷ_ij)²`.

    The RMSE of a set of users is the root of the mean of these, so that users weigh the same whatever the number of
    their ratings, as in the MAE.

    Args:
        ratings: float32 [B, Q].
        predictions: float32 [B, Q].
        mask: bool [B, Q]; every user has at least one rating.

    Returns:
        float64 [B], in squared rating units.
    """
    errors = np.square(ratings.astype(np.float64) - predictions)
    return np.asarray(errors.sum(axis=1, where=mask) / mask.sum(axis=1))
