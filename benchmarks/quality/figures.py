"""From one value a user to means, intervals and paired differences."""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import TypedDict

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
from models.metrics.bootstrap import bootstrap_means, interval_95

RESAMPLES = 2000


class Figure(TypedDict):
    """A mean over users with its 95 % interval, and the reference's less it with the paired difference's."""

    value: float
    low: float
    high: float
    reference_less_this: float
    difference_low: float
    difference_high: float


class Difference(TypedDict):
    """A paired difference with its 95 % interval."""

    value: float
    low: float
    high: float


class Curves(TypedDict):
    """MAE against the number of support ratings, one number a size.

    Attributes:
        mae: By contestant.
        nothing_known: By preset, without ratings and attributes.
        closest: At each size, the baseline that comes closest to the reference, and the reference less it.
        next_rating: Of the reference, what going to the next size adds to its error.
    """

    mae: dict[str, list[float]]
    nothing_known: dict[str, float]
    closest: list[tuple[str, Difference]]
    next_rating: list[Difference]


class DatasetFigures(TypedDict):
    """All of one data set, by state."""

    users: dict[str, int]
    states: dict[str, dict[str, dict[str, Figure]]]
    ablations: dict[str, dict[str, dict[str, Figure]]]
    curves: dict[str, Curves]
    calibration: Calibrations


def dataset_figures(contestants: Mapping[str, Results], ablations: Mapping[str, Results]) -> DatasetFigures:
    """Everything that the page shows; a state without users is left out."""
    reference = contestants[REFERENCE]
    states = [state for state in STATES if len(reference.cells[f"{state.label}-0"].get("mae", ()))]
    return {
        "users": {state.label: len(reference.cells[f"{state.label}-0"]["mae"]) for state in states},
        "states": {state.label: _state(contestants, state) for state in states},
        "ablations": {state.label: _state({REFERENCE: reference, **ablations}, state) for state in states},
        "curves": {state.label: _curves(contestants, state) for state in states},
        "calibration": {state.label: reference.calibration[state.label] for state in states},
    }


def _state(results: Mapping[str, Results], state: State) -> dict[str, dict[str, Figure]]:
    by_name = {
        name: _mean_over([own.cells[f"{state.label}-{seed}"] for seed in SEEDS]) for name, own in results.items()
    }
    reference = by_name[REFERENCE]
    return {
        name: {
            measure: _figure(values, reference[measure], measure)
            for measure, values in own.items()
            if measure in reference
        }
        for name, own in by_name.items()
    }


def _mean_over(draws: Sequence[Values]) -> Values:
    return {measure: np.mean([own[measure] for own in draws], axis=0) for measure in draws[0]}


def _figure(values: NDArray[np.float64], reference: NDArray[np.float64], measure: str) -> Figure:
    columns = np.stack([values, reference], axis=1)
    means, resampled = columns.mean(axis=0), bootstrap_means(columns, resamples=RESAMPLES, seed=0)
    if measure == "rmse":
        means, resampled = np.sqrt(means), np.sqrt(resampled)
    (low, difference_low), (high, difference_high) = interval_95(
        np.stack([resampled[:, 0], resampled[:, 1] - resampled[:, 0]], axis=1)
    )
    return {
        "value": float(means[0]),
        "low": float(low),
        "high": float(high),
        "reference_less_this": float(means[1] - means[0]),
        "difference_low": float(difference_low),
        "difference_high": float(difference_high),
    }


def _curves(results: Mapping[str, Results], state: State) -> Curves:
    values = {
        name: [
            np.mean([own.cells[f"{state.label}-first-{size}-{seed}"]["mae"] for seed in CURVE_SEEDS], axis=0)
            for size in SUPPORT_SIZES
        ]
        for name, own in results.items()
    }
    reference = values[REFERENCE]
    closest = []
    for place in range(len(SUPPORT_SIZES)):
        name = min(BASELINES, key=lambda baseline: float(values[baseline][place].mean()))
        closest.append((name, _difference(reference[place], values[name][place])))
    return {
        "mae": {name: [float(own.mean()) for own in sizes] for name, sizes in values.items()},
        "nothing_known": {
            name: float(own.cells[cell]["mae"].mean())
            for name, own in results.items()
            if (cell := f"{state.label}-{NOTHING}") in own.cells
        },
        "closest": closest,
        "next_rating": [_difference(after, before) for before, after in pairwise(reference)],
    }


def _difference(first: NDArray[np.float64], second: NDArray[np.float64]) -> Difference:
    differences = (first - second)[:, None]
    low, high = interval_95(bootstrap_means(differences, resamples=RESAMPLES, seed=0))[:, 0]
    return {"value": float(differences.mean()), "low": float(low), "high": float(high)}
