"""Calibration: whether predictions agree with observations on average, among predictions of similar size."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class ReliabilityBin:
    """Predictions of similar size.

    Attributes:
        predicted: The mean of the predictions.
        observed: The mean of the observations.
        count: The number of predictions, one at least.
    """

    predicted: float
    observed: float
    count: int


def reliability(
    predicted: NDArray[np.floating], observed: NDArray[np.floating], *, low: float, high: float, bins: int = 10
) -> list[ReliabilityBin]:
    """The points of a reliability diagram (Murphy & Winkler, Applied Statistics 26 (1977) 41).

    Args:
        predicted: [n], in [low, high]: probabilities of an event, or expected values.
        observed: [n], 0 or 1 for events, or values.
        low: The lower edge of the first bin.
        high: The upper edge of the last bin; it belongs to that bin.
        bins: The number of bins, which have equal widths.

    Returns:
        The bins that have predictions, in ascending order.
    """
    places = np.clip(((predicted - low) / (high - low) * bins).astype(np.int64), 0, bins - 1)
    counts = np.bincount(places, minlength=bins)
    predicted_sums = np.bincount(places, weights=predicted.astype(np.float64), minlength=bins)
    observed_sums = np.bincount(places, weights=observed.astype(np.float64), minlength=bins)
    return [
        ReliabilityBin(
            predicted=float(predicted_sums[place] / counts[place]),
            observed=float(observed_sums[place] / counts[place]),
            count=int(counts[place]),
        )
        for place in np.flatnonzero(counts)
    ]
