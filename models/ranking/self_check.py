"""Checks that the weights and the predictions of a model are finite, before it serves."""

import numpy as np
from numpy.typing import NDArray

from models.artifact import ArtifactError
from models.learners.heads.base import Predictions
from models.ranking.query import ItemRating, RankingQuery
from models.ranking.recommender import Recommender

_CHECKED_AT_ONCE = 8192
"""Items whose ratings are predicted at once, which bounds the memory."""

_RATED = 6
"""Ratings of the made-up user: enough that the model adapts, and few enough to take no time."""


def require_finite_predictions(recommender: Recommender) -> None:
    """Check the weights, and predict every item's rating for an unknown user and a made-up user with a few ratings.

    Raises:
        ArtifactError: A weight or a prediction is not a finite number; the message names one.
    """
    model = recommender.model
    for module in (model.choice, model.learner):
        for name, weights in ({} if module is None else module.state_dict()).items():
            if weights.is_floating_point() and not weights.isfinite().all():
                raise ArtifactError(f"{model.version}: the weights {name} are not all finite numbers")
    if model.learner is None:
        return
    queries = [RankingQuery(attributes={}, ratings=ratings, n=0) for ratings in ([], _made_up_ratings(recommender))]
    for start in range(0, len(recommender.catalogue), _CHECKED_AT_ONCE):
        rows = np.arange(start, min(start + _CHECKED_AT_ONCE, len(recommender.catalogue)))
        predictions = recommender.predictions(queries, np.stack([rows] * len(queries)))
        _require_finite(predictions, rows, recommender)


def _made_up_ratings(recommender: Recommender) -> list[ItemRating]:
    """The highest and the lowest rating in turn, of evenly spaced items."""
    scale, item_ids = recommender.model.rating_scale, recommender.items.ids
    chosen = item_ids[:: max(1, len(item_ids) // _RATED)][:_RATED]
    return [ItemRating(item_id, scale.minimum if place % 2 else scale.maximum) for place, item_id in enumerate(chosen)]


def _require_finite(predictions: Predictions, rows: NDArray[np.int64], recommender: Recommender) -> None:
    finite = predictions.score.isfinite() & predictions.mean.isfinite() & predictions.median.isfinite()
    if predictions.distribution is not None:
        finite &= predictions.distribution.probabilities.isfinite().all(dim=-1)
    wrong = (~finite).any(dim=0).nonzero().flatten().tolist()
    if wrong:
        item_id, _ = recommender.catalogue.name(int(rows[wrong[0]]))
        raise ArtifactError(
            f"{recommender.model.version}: the predicted rating of the item {item_id!r} is not a finite number"
        )
