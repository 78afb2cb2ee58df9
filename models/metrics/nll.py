"""Negative log-likelihood of predicted distributions."""

import numpy as np
from numpy.typing import NDArray

from models.metrics.measure import Direction, Measure, PredictedRatings, mean_where

_SMALLEST_PROBABILITY = 1e-5
"""Probabilities are cut off here. Otherwise one rating with the probability 0 would make the mean infinite."""


class NegativeLogLikelihood(Measure):
    """`NLL_i = −1/|H'_i| Σ_j ln p(y_ij)` of user i, with p cut off below 1e-5; mean over users.

    Undefined where the predictor predicts no distribution, and for a user without query ratings.
    """

    name = "nll"
    title = "Negative log-likelihood"
    unit = "nats"
    direction = Direction.LOWER

    def per_user(
        self, predicted: PredictedRatings, ratings: NDArray[np.float32], mask: NDArray[np.bool_]
    ) -> NDArray[np.float64]:
        """Each user's mean negative log-likelihood."""
        if predicted.probabilities is None:
            return np.full(len(ratings), np.nan)
        levels = predicted.scale.levels_of(ratings)
        likelihoods = np.take_along_axis(predicted.probabilities, levels[..., None], axis=-1)[..., 0]
        costs = -np.log(np.clip(likelihoods.astype(np.float64), _SMALLEST_PROBABILITY, None))
        return mean_where(costs, mask, axis=1)
