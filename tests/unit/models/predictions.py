"""Predictions for tests of measures, made from plain arrays."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from models.data.schema import RatingScale
from models.metrics import PredictedRatings

STARS = RatingScale(minimum=1, maximum=5)


def predicted_ratings(
    values: ArrayLike, *, scale: RatingScale = STARS, probabilities: NDArray[np.float32] | None = None
) -> PredictedRatings:
    """The same values [B, Q] as mean, median and score."""
    predictions = np.asarray(values, dtype=np.float32)
    return PredictedRatings(scale, mean=predictions, median=predictions, score=predictions, probabilities=probabilities)
