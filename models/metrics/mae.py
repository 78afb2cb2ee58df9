"""Mean absolute error."""

import numpy as np
from numpy.typing import NDArray


def mae(ratings: NDArray[np.float32], predictions: NDArray[np.float32], mask: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Mean absolute error within each user: `1/|H'_i| Σ_j |y_ij − ŷ_ij|`.

    Args:
        ratings: float32 [B, Q].
        predictions: float32 [B, Q].
        mask: bool [B, Q]; every user has at least one rating.

    Returns:
        float64 [B], in rating units.
    """
    errors = np.abs(ratings.astype(np.float64) - predictions)
    return np.asarray(errors.sum(axis=1, where=mask) / mask.sum(axis=1))
