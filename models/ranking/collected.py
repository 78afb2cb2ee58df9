"""Popularity that follows the ratings made since training."""

from collections.abc import Callable, Mapping

import numpy as np
import polars as pl
from numpy.typing import NDArray

_SAMPLE = 2048
"""Measured items that the estimates of others are held against."""


def with_collected(
    statistics: pl.DataFrame,
    collected: Mapping[str, int],
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
        collected: Item id → ratings made since training.
        gradient_norms: Of some rows (int64 [n], rising), for somebody of whom nothing is known; float64 [n].
    """
    since = pl.DataFrame(
        {"id": list(collected), "since": list(collected.values())}, {"id": pl.String, "since": pl.Int64}
    )
    counts = statistics["rating_count"].to_numpy()
    added = (
        statistics.select("id").join(since, on="id", how="left", maintain_order="left")["since"].fill_null(0).to_numpy()
    )
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
