"""Every measure of every contestant on the episodes of the protocol. Results are kept for interrupted runs."""

import json
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmarks.quality.contestants import PRESETS, REFERENCE, Contestants
from models.data.dataset import State
from models.data.episodes import Episode, batches
from models.data.evaluation_episodes import evaluation_episodes
from models.evaluation.predictors import BATCH_USERS, Predict, measure_episodes
from models.leaderboard.store import load_cells, save_cells
from models.metrics.calibration import ReliabilityBin, reliability

STATES = (State.USER_COLD, State.ITEM_COLD, State.USER_AND_ITEM_COLD, State.WARM)
SEEDS = range(5)
CURVE_SEEDS = range(2)
SUPPORT_SIZES = (0, 1, 2, 3, 5, 10, 20)
NOTHING = "nothing"

Values = dict[str, NDArray[np.float64]]
"""By a measure's name, its value for each user: float64 [users], NaN where the measure is undefined."""

Calibrations = dict[str, dict[str, list[tuple[float, float, int]]]]
"""By state and event: mean prediction, observed share and count of each bin."""


@dataclass(frozen=True)
class Results:
    """The results of one contestant.

    Attributes:
        cells: The values, by the name of the cell (`cells_of`).
        calibration: The calibration of the reference; empty for other contestants.
    """

    cells: dict[str, Values]
    calibration: Calibrations


def measured(contestants: Contestants, name: str, *, curves: bool) -> Results:
    """A contestant's results: measured now, or read from the work directory if they are there.

    Args:
        contestants: Makes the predictor.
        name: The name of the contestant.
        curves: Whether to measure it at every support size too.
    """
    contestants.work.mkdir(parents=True, exist_ok=True)
    file = contestants.work / f"{name.replace(' ', '-')}.measures.npz"
    calibration_file = file.with_suffix(".calibration.json")
    if not file.exists():
        predict = contestants.predictor(name)
        cells = {cell: measure_episodes(predict, episodes) for cell, episodes in cells_of(contestants, curves=curves)}
        calibration = _calibration(contestants, predict) if name == REFERENCE else {}
        if curves and name in PRESETS:
            unknown = contestants.knowing_nothing(name)
            cells |= {
                f"{state.label}-{NOTHING}": measure_episodes(unknown, _curve_episodes(contestants, state, 0, 0))
                for state in STATES
            }
        calibration_file.write_text(json.dumps(calibration), encoding="utf-8")
        save_cells(file, cells)
    return Results(load_cells(file), json.loads(calibration_file.read_text(encoding="utf-8")))


def cells_of(contestants: Contestants, *, curves: bool) -> Iterator[tuple[str, list[Episode]]]:
    """Everything that a contestant is measured on, each with its name."""
    for state in STATES:
        for seed in SEEDS:
            yield f"{state.label}-{seed}", _episodes(contestants, state, seed)
        if curves:
            for size in SUPPORT_SIZES:
                for seed in CURVE_SEEDS:
                    yield f"{state.label}-first-{size}-{seed}", _curve_episodes(contestants, state, seed, size)


def _episodes(contestants: Contestants, state: State, seed: int) -> list[Episode]:
    return evaluation_episodes(contestants.dataset, contestants.split, state, seed=seed)


def _curve_episodes(contestants: Contestants, state: State, seed: int, size: int) -> list[Episode]:
    """The first support ratings of the users who have enough of them: the same users at every size."""
    return [
        episode.with_support(slice(size))
        for episode in _episodes(contestants, state, seed)
        if len(episode.support_items) >= SUPPORT_SIZES[-1]
    ]


def _calibration(contestants: Contestants, predict: Predict) -> Calibrations:
    """The calibration of every event "rated k or more" and of the most probable level."""
    scale = contestants.dataset.schema.rating_scale
    found: Calibrations = {}
    for state in STATES:
        probabilities, ratings = _pooled(predict, _episodes(contestants, state, 0))
        levels = scale.levels_of(ratings)
        at_least = np.cumsum(probabilities[:, ::-1], axis=1)[:, ::-1]
        events = {
            f"{rating:g} or more": (at_least[:, level], levels >= level)
            for level, rating in enumerate(scale.all_ratings)
            if level > 0
        }
        events["most probable rating"] = (probabilities.max(axis=1), probabilities.argmax(axis=1) == levels)
        found[state.label] = {
            event: [_bin(point) for point in reliability(predicted, observed.astype(np.float64), low=0.0, high=1.0)]
            for event, (predicted, observed) in events.items()
        }
    return found


def _pooled(predict: Predict, episodes: list[Episode]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """All query items' predicted distributions [n, K] and ratings [n]."""
    probabilities, ratings = [], []
    for _, batch in batches(episodes, BATCH_USERS):
        predicted = predict(batch).distribution
        if predicted is None:
            raise ValueError("only a predicted distribution can be calibrated")
        probabilities.append(predicted.probabilities[batch.query_mask])
        ratings.append(batch.query_ratings[batch.query_mask])
    return np.concatenate(probabilities), np.concatenate(ratings)


def _bin(point: ReliabilityBin) -> tuple[float, float, int]:
    return point.predicted, point.observed, point.count
