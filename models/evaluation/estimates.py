"""Means over users with their intervals."""

import numpy as np
from numpy.typing import NDArray

from models.evaluation.config import EvaluationConfig
from models.evaluation.figures import Estimate
from models.metrics.bootstrap import bootstrap_means, interval_95


def estimate_means(values: NDArray[np.float64], config: EvaluationConfig) -> tuple[Estimate, ...]:
    """The mean of each column of float64 [users, columns], with its bootstrap 95 % interval."""
    resampled = bootstrap_means(values, resamples=config.bootstrap_resamples, seed=config.seed)
    ends = zip(values.mean(axis=0), *interval_95(resampled), strict=True)
    return tuple(Estimate(value=float(mean), low=float(low), high=float(high)) for mean, low, high in ends)
