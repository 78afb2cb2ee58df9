"""Item statistics that follow the ratings made since training."""

from collections.abc import Callable, Mapping

import numpy as np
import polars as pl
from numpy.typing import NDArray

_SAMPLE = 2048
"""Items from which the ratio of gradient values to gradient norms is estimated. It bounds the time."""

NewRatings = Mapping[str, tuple[int, float, int]]
"""Item id → the number of its ratings made since training, their mean, and the number of ratings of all items after its
first one."""


def add_new_ratings(
    statistics: pl.DataFrame,
    new_ratings: NewRatings,
    gradient_norms: Callable[[NDArray[np.int64]], NDArray[np.float64]],
) -> pl.DataFrame:
    """Add the ratings made since training to the statistics of the items (`item_statistics`).

    Rating counts are added. An item that has only new ratings has no gradient value and no entropy from training, and
    without these no strategy would choose it. So both are estimated. Its gradient value is its gradient norm for an
    unknown user, times the ratio of gradient values to such norms over the trained items. This is exact where the norm
    is the same for every user. Its entropy is the mean entropy of the trained items.

    Args:
        statistics: The statistics from training.
        new_ratings: The ratings made since training.
        gradient_norms: Returns the gradient norms of some rows (int64 [n], rising) for an unknown user; float64 [n].

    Returns:
        The same columns, and `new_rating_count` and `new_rating_mean` (null without new ratings).
    """
    added = pl.DataFrame(
        [(item_id, count, mean) for item_id, (count, mean, _) in new_ratings.items()],
        {"id": pl.String, "new_rating_count": pl.Int64, "new_rating_mean": pl.Float64},
        orient="row",
    )
    statistics = statistics.join(added, on="id", how="left", maintain_order="left")
    statistics = statistics.with_columns(pl.col("new_rating_count").fill_null(0))
    counts, new_counts = (statistics[name].to_numpy() for name in ("rating_count", "new_rating_count"))
    values, entropies = (statistics[name].to_numpy().copy() for name in ("gradient_value", "rating_entropy"))
    trained, untrained = np.flatnonzero(counts > 0), np.flatnonzero((counts == 0) & (new_counts > 0))
    if len(trained) and len(untrained):
        sample = trained[:_SAMPLE]
        ratio = values[sample].sum() / max(gradient_norms(sample).sum(), 1e-12)
        values[untrained] = np.minimum(ratio * gradient_norms(untrained), 1.0)
        entropies[untrained] = entropies[trained].mean()
    return statistics.with_columns(
        rating_count=pl.Series(counts + new_counts),
        gradient_value=pl.Series(values),
        rating_entropy=pl.Series(entropies),
    )
