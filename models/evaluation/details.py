"""What lies behind a state's mean error: how it is distributed over users, and whether predictions come true."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from models.data.episodes import Episode
from models.data.schema import RatingScale
from models.evaluation.figures import Calibration, CalibrationBin, ThresholdCalibration, UserErrors, UserGroup
from models.metrics.calibration import ReliabilityBin, reliability

_QUANTILES = (10, 25, 50, 75, 90, 95)
_BINS_A_SCALE = 40
_WORST_SHARE = 0.1


def user_errors(episodes: Sequence[Episode], errors: NDArray[np.float64], scale: RatingScale) -> UserErrors:
    """How the users' errors are distributed, and what is typical of those that are served worst.

    Args:
        episodes: One a user, one at least.
        errors: float64 [users], each one's MAE.
        scale: Of the ratings.
    """
    width = (scale.maximum - scale.minimum) / _BINS_A_SCALE
    # The mean of ten whole errors is often the very edge of a bin; it belongs to the bin that begins there.
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


def calibration(
    ratings: NDArray[np.float32],
    means: NDArray[np.float32],
    probabilities: NDArray[np.float32] | None,
    scale: RatingScale,
) -> Calibration:
    """Whether what a model predicts is what happens.

    Args:
        ratings: float32 [n], all users' query ratings.
        means: float32 [n], what was expected of them.
        probabilities: float32 [n, K] of the K rating levels, or None from a model that predicts none.
        scale: Of the ratings.
    """
    thresholds = []
    if probabilities is not None:
        at_least = np.cumsum(probabilities[:, ::-1], axis=1)[:, ::-1]
        for level, threshold in enumerate(scale.all_ratings.tolist()[1:], start=1):
            happened = (ratings > threshold - scale.step / 2).astype(np.float32)
            own = reliability(at_least[:, level], happened, low=0.0, high=1.0)
            thresholds.append(ThresholdCalibration(threshold=threshold, bins=_bins(own)))
    return Calibration(
        ratings=_bins(reliability(means, ratings, low=scale.minimum, high=scale.maximum)), thresholds=tuple(thresholds)
    )


def _bins(found: Sequence[ReliabilityBin]) -> tuple[CalibrationBin, ...]:
    return tuple(CalibrationBin(predicted=each.predicted, observed=each.observed, count=each.count) for each in found)


def _group(name: str, episodes: Sequence[Episode], errors: NDArray[np.float64]) -> UserGroup:
    ratings = [np.concatenate([episode.support_ratings, episode.query_ratings]) for episode in episodes]
    return UserGroup(
        name=name,
        users=len(episodes),
        mae=float(errors.mean()),
        support_ratings=float(np.mean([len(episode.support_items) for episode in episodes])),
        rating_mean=float(np.mean([own.mean() for own in ratings])),
        rating_spread=float(np.mean([own.std() for own in ratings])),
    )
