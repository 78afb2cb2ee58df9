"""Predictions for tests of measures, made from plain arrays."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from models.data.distribution import Distribution
from models.data.rating_scale import RatingScale
from models.metrics import PredictedRatings

STARS = RatingScale(minimum=1, maximum=5)


def predicted_ratings(
    values: ArrayLike, *, scale: RatingScale = STARS, probabilities: NDArray[np.float32] | None = None
) -> PredictedRatings:
    """The same values [B, Q] as mean, median and score."""
    predictions = np.asarray(values, dtype=np.float32)
    distribution = None if probabilities is None else level_distribution(scale, probabilities)
    return PredictedRatings(scale, mean=predictions, median=predictions, score=predictions, distribution=distribution)


def level_distribution(scale: RatingScale, probabilities: NDArray[np.float32]) -> Distribution[NDArray[np.float32]]:
    """A distribution with one cell for each level."""
    edges = scale.rating_of(np.arange(scale.level_count + 1) - 0.5).astype(np.float32)
    return Distribution(scale, edges, probabilities)
