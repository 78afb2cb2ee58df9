"""Answers that users would have given to questions, simulated from their ratings."""

import numpy as np
from numpy.typing import NDArray

from models.data.rating_scale import RatingScale

LEAST_RATED = 2
"""A user who has rated fewer items of a group cannot answer: the mean of one rating would be the rating of an item."""


def simulated_mean(ratings: NDArray[np.floating], scale: RatingScale) -> float | None:
    """What a user would answer about a group with these ratings of its items: their mean, rounded to the scale.

    None if the user has rated too few items of it.
    """
    return None if len(ratings) < LEAST_RATED else float(scale.nearest(np.array(ratings.mean(dtype=np.float64))))
