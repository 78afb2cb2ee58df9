"""Questions about attribute values: genres, people, decades."""

from collections.abc import Collection

import numpy as np
import polars as pl
from numpy.typing import NDArray

from models.data.item_values import item_values
from models.data.schema import EntitySource
from models.elicitation.question import QuestionKind
from models.elicitation.subject import Subject

MOST_ITEMS = 50
"""An attribute value is known by its items with the most ratings, at most this many. It bounds the time."""

_MIN_ITEMS = 5
"""A value that fewer items have is not asked about: a question about one of the items says as much."""


def attribute_subjects(
    source: EntitySource, table: pl.DataFrame, rows: NDArray[np.int64], counts: NDArray[np.int64]
) -> list[Subject]:
    """The attribute values of some items, as what questions can be about.

    Args:
        source: The fields of the items.
        table: The items.
        rows: int64 [items], their rows in the catalogue, those with the most ratings first.
        counts: int64 [items], their numbers of ratings.
    """
    return [
        Subject.mean(QuestionKind.ATTRIBUTE, rows[places], counts[places], field=name, value=value)
        for name, pairs in item_values(source, table)
        for value, places in _places(pairs)
        if len(places) >= _MIN_ITEMS
    ]


def _places(pairs: pl.DataFrame) -> Collection[tuple[str, NDArray[np.int64]]]:
    """Each value, in order, with the first places that have it."""
    grouped = pairs.sort("row").group_by("value").agg(pl.col("row").head(MOST_ITEMS)).sort("value")
    return [(value, np.array(places, dtype=np.int64)) for value, places in grouped.iter_rows()]
