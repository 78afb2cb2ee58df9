"""Popularity that follows the ratings made since training."""

from collections.abc import Callable, Mapping

import numpy as np
import polars as pl
from numpy.typing import NDArray

_SAMPLE = 2048
"""Measured items that the estimates of others are held against."""


Collected = Mapping[str, tuple[int, float]]
"""Item id → how many have rated it since training, and the mean of their ratings."""


def with_collected(
    statistics: pl.DataFrame,
    collected: Collected,
    gradient_norms: Callable[[NDArray[np.int64]], NDArray[np.float64]],
) -> pl.DataFrame:
    """What training saw of the items (`item_statistics`), and the ratings made since.

    The ratings of an item are those of training and those since. What else training would have measured of an item is
    estimated where training saw no rating of it and there are some now, or else it could never be asked about: its
    gradient value is its gradient norm for somebody of whom nothing is known, in the proportion that the values of
    measured items have to theirs (which is exact where the norm is the same for every user); its entropy is the mean
    of the measured ones.

    Args:
        statistics: As training saw the items.
        collected: The ratings made since.
        gradient_norms: Of some rows (int64 [n], rising), for somebody of whom nothing is known; float64 [n].

    Returns:
        The same columns, and `collected_count` and `collected_mean` (null without any) of the ratings made since.
    """
    since = pl.DataFrame(
        [(item_id, *ratings) for item_id, ratings in collected.items()],
        {"id": pl.String, "collected_count": pl.Int64, "collected_mean": pl.Float64},
        orient="row",
    )
    statistics = statistics.join(since, on="id", how="left", maintain_order="left")
    statistics = statistics.with_columns(pl.col("collected_count").fill_null(0))
    counts, added = (statistics[name].to_numpy() for name in ("rating_count", "collected_count"))
    values, entropies = (statistics[name].to_numpy().copy() for name in ("gradient_value", "rating_entropy"))
    measured, estimated = np.flatnonzero(counts > 0), np.flatnonzero((counts == 0) & (added > 0))
    if len(measured) and len(estimated):
        sample = measured[:_SAMPLE]
        proportion = values[sample].sum() / max(gradient_norms(sample).sum(), 1e-12)
        values[estimated] = np.minimum(proportion * gradient_norms(estimated), 1.0)
        entropies[estimated] = entropies[measured].mean()
    return statistics.with_columns(
        rating_count=pl.Series(counts + added),
        gradient_value=pl.Series(values),
        rating_entropy=pl.Series(entropies),
    )
