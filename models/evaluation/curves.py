"""MAE of the same users as their support ratings, or the local steps, become more."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from models.data.episodes import Episode, batches
from models.evaluation.config import EvaluationConfig
from models.evaluation.estimates import estimate_means
from models.evaluation.figures import MAECurve, PredictorCurve
from models.evaluation.predictors import Predict
from models.metrics.mae import mae

SUPPORT_SIZES = (0, 1, 2, 3, 5, 10, 20)

_MOST_USERS = 500
"""Enough for a curve; an evaluation should take seconds."""

_BATCH_USERS = 64


def evenly_spaced(episodes: Sequence[Episode], most: int) -> list[Episode]:
    """At most so many episodes, from all over the list."""
    if len(episodes) <= most:
        return list(episodes)
    return [episodes[place] for place in np.linspace(0, len(episodes) - 1, most).astype(int)]


def support_episodes(episodes: Sequence[Episode]) -> tuple[tuple[int, ...], list[Episode]]:
    """The support sizes of a curve, and the episodes that have as many ratings as the largest.

    It is the largest that half of the users have; the users are the same at every size, so that the curve is of sizes,
    not of users.
    """
    lengths = np.array([len(episode.support_items) for episode in episodes])
    sizes = tuple(size for size in SUPPORT_SIZES if np.mean(lengths >= size) >= 0.5)
    long_enough = [episode for episode in episodes if len(episode.support_items) >= sizes[-1]]
    return sizes, evenly_spaced(long_enough, _MOST_USERS)


def step_episodes(episodes: Sequence[Episode]) -> list[Episode]:
    """The episodes of a curve over local steps."""
    return evenly_spaced(episodes, _MOST_USERS)


def support_curve(
    sizes: tuple[int, ...],
    episodes: Sequence[Episode],
    predictors: Mapping[str, Predict],
    config: EvaluationConfig,
    batch_done: Callable[[int], None],
) -> MAECurve:
    """Each predictor's MAE after the first 0, 1, 2, … support ratings.

    In order of time, these are the user's earliest ratings. `sizes` and `episodes` are those of `support_episodes`.
    """
    shortened = [[episode.with_support(slice(size)) for episode in episodes] for size in sizes]
    curves = {name: [(predict, own) for own in shortened] for name, predict in predictors.items()}
    return _curve(sizes, curves, len(episodes), config, batch_done)


def step_curve(
    steps: Sequence[int],
    episodes: Sequence[Episode],
    predictors: Sequence[Predict],
    name: str,
    config: EvaluationConfig,
    batch_done: Callable[[int], None],
) -> MAECurve:
    """The MAE of a model that takes so many local steps; one predictor a point."""
    return _curve(
        tuple(steps), {name: [(predict, episodes) for predict in predictors]}, len(episodes), config, batch_done
    )


def _curve(
    points: tuple[int, ...],
    curves: Mapping[str, Sequence[tuple[Predict, Sequence[Episode]]]],
    users: int,
    config: EvaluationConfig,
    batch_done: Callable[[int], None],
) -> MAECurve:
    predictors = []
    for name, own in curves.items():
        values = np.empty((users, len(points)))
        for column, (predict, episodes) in enumerate(own):
            for positions, batch in batches(episodes, _BATCH_USERS):
                values[positions, column] = mae(batch.query_ratings, predict(batch).median, batch.query_mask)
                batch_done(len(positions))
        predictors.append(PredictorCurve(name=name, mae=estimate_means(values, config)))
    return MAECurve(points=points, users=users, predictors=tuple(predictors))
