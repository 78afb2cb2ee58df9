"""Details of a state: how the error is distributed over users, and how well predictions are calibrated."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from models.data.episodes import Episode
from models.data.rating_scale import RatingScale
from models.evaluation.figures import Calibration, CalibrationBin, ThresholdCalibration, UserErrors, UserGroup
from models.metrics.calibration import ReliabilityBin, reliability

_QUANTILES = (10, 25, 50, 75, 90, 95)
"""Quantiles of the users' MAE in a report, in per cent. They belong to the evaluation protocol."""

_BINS_A_SCALE = 40
"""Bins of the histogram over the length of the rating scale. It shapes a figure only."""

_MOST_THRESHOLDS = 20
"""Most events "rated k or more" of a calibration. It bounds the length of a report."""

_WORST_SHARE = 0.1
"""Share of the users with the largest errors who are described. It belongs to the evaluation protocol."""


def user_errors(episodes: Sequence[Episode], errors: NDArray[np.float64], scale: RatingScale) -> UserErrors:
    """The distribution of the users' errors, and a description of the tenth of them with the largest errors.

    Args:
        episodes: One per user, one at least.
        errors: float64 [users], each user's MAE.
        scale: The rating scale.
    """
    width = (scale.maximum - scale.minimum) / _BINS_A_SCALE
    # The mean of ten whole-numbered errors often lies exactly on the edge of two bins. It belongs to the upper one.
    counts = np.bincount((errors / width + 1e-6).astype(np.int64))
    worst = np.argsort(-errors, kind="stable")[: max(1, round(_WORST_SHARE * len(errors)))]
    return UserErrors(
        mae=tuple(round(float(error), 4) for error in errors),
        bin_width=width,
        counts=tuple(counts.tolist()),
        quantiles=dict(zip(_QUANTILES, np.percentile(errors, _QUANTILES).tolist(), strict=True)),
        groups=(
            _group("worst-served tenth", [episodes[user] for user in worst], errors[worst]),
            _group("all users", episodes, errors),
        ),
    )


def calibration_thresholds(scale: RatingScale) -> list[float]:
    """All levels above the lowest, or on a finer scale the ratings nearest to the tenths of its length."""
    if scale.has_at_most(_MOST_THRESHOLDS + 1):
        return [float(rating) for rating in scale.all_ratings[1:]]
    tenths = np.linspace(scale.minimum, scale.maximum, 11)[1:-1]
    return [float(rating) for rating in scale.nearest(tenths)]


def calibration(
    ratings: NDArray[np.float32],
    means: NDArray[np.float32],
    at_least: NDArray[np.float32] | None,
    scale: RatingScale,
) -> Calibration:
    """How well predictions agree with the observed ratings.

    Args:
        ratings: float32 [n], the query ratings of all users.
        means: float32 [n], the predicted expected ratings.
        at_least: float32 [n, thresholds], the predicted probabilities of `y ≥ threshold` for each of
            `calibration_thresholds`; None from a model that predicts no distribution.
        scale: The rating scale.
    """
    thresholds = []
    if at_least is not None:
        for column, threshold in enumerate(calibration_thresholds(scale)):
            observed = (ratings >= scale.lower_end(threshold)).astype(np.float32)
            bins = reliability(at_least[:, column], observed, low=0.0, high=1.0)
            thresholds.append(ThresholdCalibration(threshold=threshold, bins=_bins(bins)))
    return Calibration(
        ratings=_bins(reliability(means, ratings, low=scale.minimum, high=scale.maximum)), thresholds=tuple(thresholds)
    )


def _bins(bins: Sequence[ReliabilityBin]) -> tuple[CalibrationBin, ...]:
    return tuple(
        CalibrationBin(predicted=point.predicted, observed=point.observed, count=point.count) for point in bins
    )


def _group(name: str, episodes: Sequence[Episode], errors: NDArray[np.float64]) -> UserGroup:
    ratings = [np.concatenate([episode.support_ratings, episode.query_ratings]) for episode in episodes]
    return UserGroup(
        name=name,
        users=len(episodes),
        mae=float(errors.mean()),
        support_ratings=float(np.mean([len(episode.support_items) for episode in episodes])),
        rating_mean=float(np.mean([user_ratings.mean() for user_ratings in ratings])),
        rating_spread=float(np.mean([user_ratings.std() for user_ratings in ratings])),
    )
