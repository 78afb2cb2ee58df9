"""Averages over users, their intervals and paired differences, from one value per user."""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import NotRequired, TypedDict

import numpy as np
from numpy.typing import NDArray

from benchmarks.quality.contestants import BASELINES, REFERENCE
from benchmarks.quality.measuring import (
    CURVE_SEEDS,
    NOTHING,
    SEEDS,
    STATES,
    SUPPORT_SIZES,
    Calibrations,
    Results,
    Values,
)
from models.data.dataset import State
from models.metrics import MAE, MEASURES, Measure
from models.metrics.bootstrap import bootstrap_averages, bootstrap_means, interval_95, pair

RESAMPLES = 2000


class Figure(TypedDict):
    """An average over users with its 95 % interval, and the paired difference reference − this with its interval.

    Attributes:
        value: The average.
        low: The lower end of its interval.
        high: The upper end of its interval.
        reference_less_this: The difference.
        difference_low: The lower end of its interval.
        difference_high: The upper end of its interval.
        undefined_users: Users for whom the measure is undefined, for this contestant or for the reference. They are
            left out. Figures that were published before this was counted do not have it.
    """

    value: float
    low: float
    high: float
    reference_less_this: float
    difference_low: float
    difference_high: float
    undefined_users: NotRequired[int]


class Difference(TypedDict):
    """A paired difference with its 95 % interval."""

    value: float
    low: float
    high: float


class Curves(TypedDict):
    """MAE against the number of support ratings, one number per size.

    Attributes:
        mae: By contestant.
        nothing_known: By preset, the MAE for users without ratings and attributes.
        closest: At each size, the baseline with the lowest MAE, and the difference reference − baseline.
        next_rating: The change of the reference's MAE from each size to the next.
    """

    mae: dict[str, list[float]]
    nothing_known: dict[str, float]
    closest: list[tuple[str, Difference]]
    next_rating: list[Difference]


class DatasetFigures(TypedDict):
    """All figures of one data set, by state."""

    users: dict[str, int]
    states: dict[str, dict[str, dict[str, Figure]]]
    ablations: dict[str, dict[str, dict[str, Figure]]]
    curves: dict[str, Curves]
    calibration: Calibrations


def dataset_figures(contestants: Mapping[str, Results], ablations: Mapping[str, Results]) -> DatasetFigures:
    """Everything that the page shows. A state without users is not in it."""
    reference = contestants[REFERENCE]
    states = [state for state in STATES if len(reference.cells[f"{state.label}-0"].get(MAE.name, ()))]
    return {
        "users": {state.label: len(reference.cells[f"{state.label}-0"][MAE.name]) for state in states},
        "states": {state.label: _state(contestants, state) for state in states},
        "ablations": {state.label: _state({REFERENCE: reference, **ablations}, state) for state in states},
        "curves": {state.label: _curves(contestants, state) for state in states},
        "calibration": {state.label: reference.calibration[state.label] for state in states},
    }


def _state(results: Mapping[str, Results], state: State) -> dict[str, dict[str, Figure]]:
    by_name = {
        name: _average_over_draws([result.cells[f"{state.label}-{seed}"] for seed in SEEDS])
        for name, result in results.items()
    }
    reference = by_name[REFERENCE]
    return {
        name: {
            measure: figure
            for measure, averages in values.items()
            if (figure := _figure(MEASURES[measure], averages, reference[measure])) is not None
        }
        for name, values in by_name.items()
    }


def _average_over_draws(draws: Sequence[Values]) -> Values:
    return {measure: MEASURES[measure].average(np.array([draw[measure] for draw in draws])) for measure in draws[0]}


def _figure(measure: Measure, values: NDArray[np.float64], reference: NDArray[np.float64]) -> Figure | None:
    """None if the measure is undefined for all users."""
    values, reference = pair(values, reference)
    undefined = np.isnan(values)
    if undefined.all():
        return None
    averages, resampled = bootstrap_averages([(measure, values), (measure, reference)], resamples=RESAMPLES, seed=0)
    (low, difference_low), (high, difference_high) = interval_95(
        np.stack([resampled[:, 0], resampled[:, 1] - resampled[:, 0]], axis=1)
    )
    return {
        "value": float(averages[0]),
        "low": float(low),
        "high": float(high),
        "reference_less_this": float(averages[1] - averages[0]),
        "difference_low": float(difference_low),
        "difference_high": float(difference_high),
        "undefined_users": int(undefined.sum()),
    }


def _curves(results: Mapping[str, Results], state: State) -> Curves:
    values = {
        name: [
            np.mean([result.cells[f"{state.label}-first-{size}-{seed}"][MAE.name] for seed in CURVE_SEEDS], axis=0)
            for size in SUPPORT_SIZES
        ]
        for name, result in results.items()
    }
    reference = values[REFERENCE]
    closest = []
    for place in range(len(SUPPORT_SIZES)):
        name = min(BASELINES, key=lambda baseline: float(values[baseline][place].mean()))
        closest.append((name, _difference(reference[place], values[name][place])))
    return {
        "mae": {name: [float(errors.mean()) for errors in by_size] for name, by_size in values.items()},
        "nothing_known": {
            name: float(result.cells[cell][MAE.name].mean())
            for name, result in results.items()
            if (cell := f"{state.label}-{NOTHING}") in result.cells
        },
        "closest": closest,
        "next_rating": [_difference(after, before) for before, after in pairwise(reference)],
    }


def _difference(first: NDArray[np.float64], second: NDArray[np.float64]) -> Difference:
    differences = (first - second)[:, None]
    low, high = interval_95(bootstrap_means(differences, resamples=RESAMPLES, seed=0))[:, 0]
    return {"value": float(differences.mean()), "low": float(low), "high": float(high)}
