"""MAE against the number of support ratings or of local steps, on the same users at every point."""

from collections.abc import Mapping, Sequence

import numpy as np

from models.data.episodes import Episode
from models.evaluation.batch_runner import BatchRunner
from models.evaluation.config import EvaluationConfig
from models.evaluation.estimates import estimate_means
from models.evaluation.figures import MAECurve, PredictorCurve
from models.evaluation.predictors import AbsoluteErrors, Predict

SUPPORT_SIZES = (0, 1, 2, 3, 5, 10, 20)
"""Support sizes of a curve. They belong to the evaluation protocol."""

_MAX_USERS = 500
"""Most users of a curve. It bounds the time of an evaluation, and is enough for the shape of a curve."""


def evenly_spaced(episodes: Sequence[Episode], most: int) -> list[Episode]:
    """At most `most` of the episodes, evenly spaced over the list."""
    if len(episodes) <= most:
        return list(episodes)
    return [episodes[place] for place in np.linspace(0, len(episodes) - 1, most).astype(int)]


def support_episodes(episodes: Sequence[Episode]) -> tuple[tuple[int, ...], list[Episode]]:
    """The support sizes of a curve, and the episodes that have at least the largest size.

    The largest size is the largest that half of the users have. The users are the same at every size, so that the curve
    shows the effect of the size alone.
    """
    lengths = np.array([len(episode.support_items) for episode in episodes])
    sizes = tuple(size for size in SUPPORT_SIZES if np.mean(lengths >= size) >= 0.5)
    long_enough = [episode for episode in episodes if len(episode.support_items) >= sizes[-1]]
    return sizes, evenly_spaced(long_enough, _MAX_USERS)


def step_episodes(episodes: Sequence[Episode]) -> list[Episode]:
    """The episodes for a curve over local steps."""
    return evenly_spaced(episodes, _MAX_USERS)


def support_curve(
    sizes: tuple[int, ...],
    episodes: Sequence[Episode],
    predictors: Mapping[str, Predict],
    config: EvaluationConfig,
    runner: BatchRunner,
) -> MAECurve:
    """Each predictor's MAE after the first 0, 1, 2, … support ratings.

    Args:
        sizes: The support sizes, from `support_episodes`. In order of time, the earliest ratings are the support.
        episodes: The episodes, from `support_episodes`.
        predictors: By name.
        config: Seed and resamples of the bootstrap.
        runner: Runs the predictors.
    """
    by_size = [[episode.with_support(slice(size)) for episode in episodes] for size in sizes]
    curves = {name: [(predict, shortened) for shortened in by_size] for name, predict in predictors.items()}
    return _curve(sizes, curves, len(episodes), config, runner)


def step_curve(
    steps: Sequence[int],
    episodes: Sequence[Episode],
    predictors: Sequence[Predict],
    name: str,
    config: EvaluationConfig,
    runner: BatchRunner,
) -> MAECurve:
    """The MAE of one model after different numbers of local steps; one predictor for each number."""
    return _curve(tuple(steps), {name: [(predict, episodes) for predict in predictors]}, len(episodes), config, runner)


def _curve(
    points: tuple[int, ...],
    curves: Mapping[str, Sequence[tuple[Predict, Sequence[Episode]]]],
    users: int,
    config: EvaluationConfig,
    runner: BatchRunner,
) -> MAECurve:
    predictors = []
    for name, predicted_points in curves.items():
        errors = np.empty((users, len(points)))
        runs = [runner.run(AbsoluteErrors(predict), episodes) for predict, episodes in predicted_points]
        for column, run in enumerate(runs):
            for positions, _, values in run:
                errors[positions, column] = values
        mae = estimate_means(errors, resamples=config.bootstrap_resamples, seed=config.seed)
        predictors.append(PredictorCurve(name=name, mae=mae))
    return MAECurve(points=points, users=users, predictors=tuple(predictors))
