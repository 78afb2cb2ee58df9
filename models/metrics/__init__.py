"""Measures of predicted ratings and of lists, one family a file, and the statistics that summarise them over users."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from models.metrics.inequality import GINI, INEQUALITIES, WORST_TENTH
from models.metrics.lists import ALL_LISTS_MEASURES, LIST_MEASURES
from models.metrics.mae import MeanAbsoluteError
from models.metrics.measure import Described, Direction, Measure, PredictedRatings
from models.metrics.ndcg import NDCG, Gain
from models.metrics.nll import NegativeLogLikelihood
from models.metrics.rmse import RootMeanSquaredError

MAE = MeanAbsoluteError("mae", "MAE", decoding="median")

MEASURES: dict[str, Measure] = {
    measure.name: measure
    for measure in (
        MAE,
        MeanAbsoluteError("mae_of_mean", "MAE of the expected rating", decoding="mean"),
        RootMeanSquaredError(),
        *(NDCG(k, gain) for gain in Gain for k in (1, 3, 10)),
        NegativeLogLikelihood(),
    )
}
"""Every measure of predicted ratings by its name, in the order in which reports show them."""


def measure_users(
    predicted: PredictedRatings, ratings: NDArray[np.float32], mask: NDArray[np.bool_]
) -> dict[str, NDArray[np.float64]]:
    """By its name, every measure's value for each user; arguments and values are those of `Measure.per_user`."""
    return {name: measure.per_user(predicted, ratings, mask) for name, measure in MEASURES.items()}


def measure_title(name: str) -> str:
    """The title of a measure, or its name if this version does not know it: stored reports may be older or newer."""
    return _DESCRIBED[name].title if name in _DESCRIBED else name


def measure_caption(name: str) -> str:
    """The title of a measure with its unit and its direction, such as "MAE (rating points, lower is better)"."""
    return _DESCRIBED[name].caption if name in _DESCRIBED else name


def decoding_of_measures() -> str:
    """How each measure decodes the predictions of every predictor."""
    titles: dict[str, list[str]] = {}
    for measure in MEASURES.values():
        if measure.decoding:
            titles.setdefault(measure.decoding, []).append(measure.title)
    parts = [f"{' and '.join(names)}: {decoding}" for decoding, names in titles.items()]
    return f"The same for all predictors. {'; '.join(parts)}."


_DESCRIBED: Mapping[str, Described] = {
    **MEASURES,
    **LIST_MEASURES,
    **ALL_LISTS_MEASURES,
    WORST_TENTH.name: WORST_TENTH,
    **INEQUALITIES,
}


__all__ = [
    "GINI",
    "INEQUALITIES",
    "MAE",
    "MEASURES",
    "NDCG",
    "WORST_TENTH",
    "Direction",
    "Gain",
    "Measure",
    "PredictedRatings",
    "decoding_of_measures",
    "measure_caption",
    "measure_title",
    "measure_users",
]
