"""Bootstrap confidence intervals over users."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from models.metrics.measure import Measure


def resampled_users(users: int, *, resamples: int, seed: int) -> NDArray[np.float64]:
    """How often each user is drawn when as many users are drawn with replacement; float64 [resamples, users]."""
    generator = np.random.default_rng(seed)
    return generator.multinomial(users, np.full(users, 1.0 / users), size=resamples).astype(float)


def bootstrap_means(values: NDArray[np.float64], *, resamples: int, seed: int) -> NDArray[np.float64]:
    """Means over resampled users (Efron, Annals of Statistics 7 (1979) 1).

    One resample draws the same users for all columns, so that differences between columns are paired.

    Args:
        values: float64 [users, columns], at least one user; NaN where a user has no value in a column.
        resamples: How many times to draw as many users with replacement.
        seed: The seed of the draws.

    Returns:
        float64 [resamples, columns]. Users without a value are left out of a column's means. A mean is NaN if no drawn
        user has a value.
    """
    draws = resampled_users(len(values), resamples=resamples, seed=seed)
    defined = ~np.isnan(values)
    sums, counts = draws @ np.where(defined, values, 0.0), draws @ defined
    return np.asarray(np.divide(sums, counts, out=np.full(sums.shape, np.nan), where=counts > 0))


def interval_95(samples: NDArray[np.float64]) -> NDArray[np.float64]:
    """The percentile interval that holds 95 % of the samples.

    Args:
        samples: float64 [resamples, columns]; NaN is left out, at least one sample a column is not NaN.

    Returns:
        float64 [2, columns]: the 2.5th and the 97.5th percentile.
    """
    return np.asarray(np.nanpercentile(samples, [2.5, 97.5], axis=0))


def bootstrap_averages(
    columns: Sequence[tuple[Measure, NDArray[np.float64]]], *, resamples: int, seed: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Averages of measures over users, and over resampled users.

    Args:
        columns: Measures with their values, each float64 [users], NaN where the measure is undefined.
        resamples: How many times to draw as many users with replacement.
        seed: The seed of the draws.

    Returns:
        The averages, float64 [columns], and those over resampled users, float64 [resamples, columns]. Resamples are
        paired: one draws the same users for all columns.
    """
    summands = np.stack([measure.to_summand(values) for measure, values in columns], axis=1)
    resampled = bootstrap_means(summands, resamples=resamples, seed=seed)
    averages = np.array([measure.average(values) for measure, values in columns])
    for column, (measure, _) in enumerate(columns):
        resampled[:, column] = measure.from_mean(resampled[:, column])
    return averages, resampled


def pair(first: NDArray[np.float64], second: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Both arrays, NaN wherever either is: a comparison has to be on the same users."""
    defined = ~np.isnan(first) & ~np.isnan(second)
    return np.where(defined, first, np.nan), np.where(defined, second, np.nan)
