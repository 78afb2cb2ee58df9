"""Averages over users with their bootstrap 95 % intervals."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from models.evaluation.figures import ComparedMeasure, Estimate
from models.metrics import INEQUALITIES, MEASURES, WORST_TENTH
from models.metrics.bootstrap import bootstrap_averages, bootstrap_means, interval_95, pair, resampled_users
from models.metrics.inequality import Inequality, WorstTenth
from models.metrics.measure import mean_where

_PARTS = 10
"""Parts of the resamples that are computed one after the other, which bounds the memory."""

UserValues = Mapping[str, NDArray[np.float64]]
"""By a measure's name, its value for each user: float64 [users], NaN where the measure is undefined."""


def concatenate_users(batches: Sequence[UserValues]) -> UserValues:
    """The values of all users, from those of one batch or more."""
    return {name: np.concatenate([batch[name] for batch in batches]) for name in batches[0]}


def estimate_means(values: NDArray[np.float64], *, resamples: int, seed: int) -> tuple[Estimate, ...]:
    """The mean of each column of float64 [users, columns]; users without a value (NaN) are left out and counted."""
    resampled = bootstrap_means(values, resamples=resamples, seed=seed)
    return _estimates(mean_where(values, ~np.isnan(values), axis=0), resampled, values)


def estimate_measures(values: UserValues, *, resamples: int, seed: int) -> dict[str, Estimate]:
    """Each measure's average over users. A measure that is undefined for all users is not in the result."""
    names = [name for name, column in values.items() if not np.isnan(column).all()]
    averages, resampled = bootstrap_averages(
        [(MEASURES[name], values[name]) for name in names], resamples=resamples, seed=seed
    )
    columns = np.stack([values[name] for name in names], axis=1)
    return dict(zip(names, _estimates(averages, resampled, columns), strict=True))


def estimate_difference(
    first: NDArray[np.float64], second: NDArray[np.float64], *, resamples: int, seed: int
) -> Estimate:
    """The difference first − second between the means of two groups of users, each float64 [users], without NaN."""
    means = [
        bootstrap_means(values[:, None], resamples=resamples, seed=seed + place)
        for place, values in enumerate((first, second))
    ]
    low, high = interval_95(means[0] - means[1])[:, 0].tolist()
    has_interval = min(len(first), len(second)) > 1
    return Estimate(
        value=float(first.mean() - second.mean()),
        low=low if has_interval else None,
        high=high if has_interval else None,
    )


def estimate_inequality(errors: NDArray[np.float64], *, resamples: int, seed: int) -> dict[str, Estimate]:
    """The mean error of the worst-served tenth and all measures of inequality, by name.

    Args:
        errors: float64 [users], each user's error.
        resamples: Resamples of the bootstrap, of the same users as in the other estimates.
        seed: The seed of the bootstrap.
    """
    draws = resampled_users(len(errors), resamples=resamples, seed=seed)
    estimates = {}
    measures: tuple[WorstTenth | Inequality, ...] = (WORST_TENTH, *INEQUALITIES.values())
    for measure in measures:
        # In parts, because the measures make several arrays of the size of the draws.
        resampled = np.concatenate([measure.of(errors, part) for part in np.array_split(draws, _PARTS)])
        value = np.array([measure.of(errors)])
        (estimates[measure.name],) = _estimates(value, resampled[:, None], errors[:, None])
    return estimates


def compare_measures(new: UserValues, active: UserValues, *, resamples: int, seed: int) -> dict[str, ComparedMeasure]:
    """Each measure of two models on the same users, with the paired difference new − active.

    A user for whom a measure is undefined for either model is left out of that measure. A measure that is left without
    users is not in the result.
    """
    pairs = {name: pair(column, active[name]) for name, column in new.items()}
    names = [name for name, (first, _) in pairs.items() if not np.isnan(first).all()]
    # All columns are resampled together, so that differences are paired.
    averages, resampled = bootstrap_averages(
        [(MEASURES[name], pairs[name][model]) for model in (0, 1) for name in names], resamples=resamples, seed=seed
    )
    (new_averages, active_averages), (new_resampled, active_resampled) = (
        np.split(averages, 2),
        np.split(resampled, 2, axis=1),
    )
    columns = np.stack([pairs[name][0] for name in names], axis=1)
    differences = _estimates(new_averages - active_averages, new_resampled - active_resampled, columns)
    return {
        name: ComparedMeasure(new=float(new_average), active=float(active_average), difference=difference)
        for name, new_average, active_average, difference in zip(
            names, new_averages, active_averages, differences, strict=True
        )
    }


def compare_means(new: UserValues, active: UserValues, *, resamples: int, seed: int) -> dict[str, ComparedMeasure]:
    """As `compare_measures`, for measures whose average over users is the mean, such as those of lists."""
    compared = {}
    for name, column in new.items():
        first, second = pair(column, active[name])
        if not np.isnan(first).all():
            columns = np.stack([first, second, first - second], axis=1)
            of_new, of_active, difference = estimate_means(columns, resamples=resamples, seed=seed)
            compared[name] = ComparedMeasure(new=of_new.value, active=of_active.value, difference=difference)
    return compared


def _estimates(
    averages: NDArray[np.float64], resampled: NDArray[np.float64], values: NDArray[np.float64]
) -> tuple[Estimate, ...]:
    """The average of each column of `values`, float64 [users, columns]; a single user's has no interval."""
    undefined = np.isnan(values).sum(axis=0)
    lows, highs = interval_95(resampled)
    has_interval = len(values) - undefined > 1
    return tuple(
        Estimate(
            value=float(value),
            low=float(low) if has else None,
            high=float(high) if has else None,
            undefined_users=int(count),
        )
        for value, low, high, count, has in zip(averages, lows, highs, undefined, has_interval, strict=True)
    )
