"""Negative log likelihood of predicted distributions."""

import numpy as np
from numpy.typing import NDArray

_SMALLEST_PROBABILITY = 1e-5
"""One rating that was held impossible must not decide the mean."""


def nll(likelihoods: NDArray[np.float32], mask: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Mean negative log likelihood of each user's true ratings: `−1/|H'_i| Σ_j ln p(y_ij)`.

    Args:
        likelihoods: float32 [B, Q], the probability that was given to each true rating; cut off at 1e-5.
        mask: bool [B, Q]; every user has at least one rating.

    Returns:
        float64 [B], in nats.
    """
    costs = -np.log(np.clip(likelihoods.astype(np.float64), _SMALLEST_PROBABILITY, None))
    return np.asarray(np.where(mask, costs, 0.0).sum(axis=1) / mask.sum(axis=1))
