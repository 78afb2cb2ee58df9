"""Negative log-likelihood of predicted distributions."""

import numpy as np
from numpy.typing import NDArray

from models.data.distribution import likelihoods
from models.metrics.measure import Direction, Measure, PredictedRatings, mean_where

_SMALLEST_PROBABILITY = 1e-5
"""Probabilities are cut off here. Otherwise one rating with the probability 0 would make the mean infinite."""


class NegativeLogLikelihood(Measure):
    """`NLL_i = −1/|H'_i| Σ_j ln p(y_ij)` of user i; mean over users.

    p is the probability of the rating's level, or on a continuous scale the probability density per rating point; the
    measure can then be negative. The probability of the cell of a distribution in which the rating lies is cut off
    below 1e-5. Where every level has its own cell, that is p itself.

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
        if predicted.distribution is None:
            return np.full(len(ratings), np.nan)
        costs = -np.log(likelihoods(predicted.distribution, ratings, smallest=_SMALLEST_PROBABILITY))
        return mean_where(costs, mask, axis=1)
