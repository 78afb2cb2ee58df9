"""Attribute values that questions can be about: genres, people, decades."""

import numpy as np
import polars as pl
from numpy.typing import NDArray

from models.data.item_values import item_values
from models.data.rating_scale import RatingScale
from models.data.schema import EntitySource
from models.elicitation.simulated import LEAST_RATED
from models.elicitation.subject import Subject

MOST_ITEMS = 50
"""An attribute value is known by its items with the most ratings, at most this many. It bounds the time."""

_LEAST_ITEMS = 5
"""A value that fewer items have is not asked about: a question about one of the items says as much."""


class ValueIndex:
    """The items with each attribute value (`models.data.item_values`)."""

    def __init__(self, source: EntitySource, items: pl.DataFrame, counts: NDArray[np.int64]) -> None:
        """Find the values that enough items have.

        Args:
            source: The fields of the items.
            items: The item table.
            counts: int64 [items], the number of ratings of each item.
        """
        self._counts = counts
        self.values: list[tuple[str, str]] = []
        self._rows: list[NDArray[np.int64]] = []
        for name, pairs in item_values(source, items):
            grouped = pairs.group_by("value").agg("row").filter(pl.col("row").list.len() >= _LEAST_ITEMS)
            for value, rows in grouped.sort("value").iter_rows():
                self.values.append((name, value))
                self._rows.append(np.sort(np.array(rows, dtype=np.int64)))
        self._items = np.concatenate([np.empty(0, dtype=np.int64), *self._rows])
        self._values = np.repeat(np.arange(len(self._rows)), np.array(list(map(len, self._rows)), dtype=np.int64))

    def subjects(self) -> list[Subject]:
        """What a question about each value is about; the rows are those of the item table."""
        return [
            Subject.attribute(rows, self._counts[rows], field=name, value=value)
            for (name, value), rows in zip(self.values, map(self._best_known, self._rows), strict=True)
        ]

    def share_with(self, items: NDArray[np.int64]) -> NDArray[np.float64]:
        """The share of some items that have each value; float64 [values]."""
        among = np.isin(self._items, items)
        counts = np.bincount(self._values[among], minlength=len(self._rows))
        return np.asarray(counts / max(len(items), 1))

    def answers(
        self, items: NDArray[np.integer], ratings: NDArray[np.floating], scale: RatingScale
    ) -> dict[int, float]:
        """What a user with some ratings would answer about each value that the user can answer about.

        Args:
            items: int [ratings], rows of the items.
            ratings: float [ratings].
            scale: The rating scale.

        Returns:
            Ratings by the place of the value in `subjects`.
        """
        known = np.full(len(self._counts), np.nan)
        known[items] = ratings
        of_items = known[self._items]
        rated = ~np.isnan(of_items)
        counts = np.bincount(self._values[rated], minlength=len(self._rows))
        sums = np.bincount(self._values[rated], weights=of_items[rated], minlength=len(self._rows))
        enough = np.flatnonzero(counts >= LEAST_RATED)
        rounded = scale.nearest(sums[enough] / counts[enough])
        return dict(zip(enough.tolist(), rounded.tolist(), strict=True))

    def _best_known(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        return rows[np.argsort(-self._counts[rows], kind="stable")[:MOST_ITEMS]]
