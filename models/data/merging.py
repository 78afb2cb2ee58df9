"""Merging tables, and data sets, that describe the same users and items."""

import math
from collections.abc import Collection, Sequence

import numpy as np
import polars as pl

from models.data.dataset import UNKNOWN_TIME, Dataset, Entities, Ratings
from models.data.schema import A_RATING


def merge_tables(tables: Sequence[pl.DataFrame]) -> pl.DataFrame:
    """One row per id, with the first known value of each column.

    The rows of the first table come first, in their order. The ids that only other tables have follow, sorted.
    """
    first, *others = tables
    rows = pl.concat([first, pl.concat(others).sort("id", maintain_order=True)]) if others else first
    return rows.group_by("id", maintain_order=True).agg(pl.all().drop_nulls().first())


def without_repetitions(ratings: pl.DataFrame) -> pl.DataFrame:
    """One row for each user and item: the rating if there is one, or else the interaction of the strongest kind.

    The rows that are kept stay in their order.

    A kind is stronger than another if its weight is further from 0. Of two ratings, or two interactions of
    equally strong kinds, the later one is kept; of two of the same time, or of unknown times, the lower row.

    Args:
        ratings: Columns `user`, `item`, `value`, `kind` (as in `Ratings.kinds`), and possibly `time` (null if unknown).
    """
    times = ["time"] if "time" in ratings.columns else []
    strength = pl.when(pl.col("kind") == A_RATING).then(math.inf).otherwise(pl.col("value").abs())
    return (
        ratings.with_row_index("row")
        .with_columns(strength.alias("strength"))
        .sort("strength", *times, "row", nulls_last=False)
        .unique(["user", "item"], keep="last")
        .sort("row")
        .drop("strength", "row")
    )


def merge_datasets(dataset: Dataset, older: Dataset, *, without_items: Collection[str] = ()) -> Dataset:
    """Merge two data sets of the same schema. State columns are dropped.

    If both have an attribute of a user or item, the value of `dataset` is kept. If both have a rating of an item by a
    user, the later one is kept; of two that were made at the same time, or both at an unknown time, that of `dataset`.
    A rating of unknown time counts as earlier than one with a time. If only one data set has times, the ratings of the
    other get `UNKNOWN_TIME`. A user's ratings come in the order of their times.

    Args:
        dataset: The newer data set.
        older: The older data set.
        without_items: Ids of items of the older data set to leave out, with their ratings.
    """
    removed = list(without_items)
    items = merge_tables([dataset.items.table, older.items.table.filter(~pl.col("id").is_in(removed))])
    users = merge_tables([dataset.users.table, older.users.table])
    merged = Dataset(schema=dataset.schema, users=Entities(users), items=Entities(items), ratings=dataset.ratings)
    rows = {"user": merged.users.row_of, "item": merged.items.row_of}
    ratings = (
        pl.concat([_by_id(older).filter(~pl.col("item").is_in(removed)), _by_id(dataset)])
        .pipe(without_repetitions)
        .sort("time", nulls_last=False, maintain_order=True)
        .with_columns(pl.col(name).replace_strict(row_of, return_dtype=pl.Int32) for name, row_of in rows.items())
    )
    return Dataset(
        schema=merged.schema,
        users=merged.users,
        items=merged.items,
        ratings=Ratings.from_columns(
            user_count=len(users),
            users=ratings["user"].to_numpy(),
            items=ratings["item"].to_numpy(),
            values=ratings["value"].to_numpy(),
            kinds=None if (ratings["kind"] == A_RATING).all() else ratings["kind"].to_numpy(),
            times=ratings["time"].fill_null(UNKNOWN_TIME).to_numpy() if ratings["time"].count() else None,
        ),
    )


def _by_id(dataset: Dataset) -> pl.DataFrame:
    """The ratings with ids instead of rows; the time is null if unknown."""
    ratings = dataset.ratings
    return pl.DataFrame(
        {
            "user": dataset.users.table["id"][ratings.users],
            "item": dataset.items.table["id"][ratings.items],
            "value": ratings.values,
            "kind": np.full(len(ratings), A_RATING, dtype=np.int8) if ratings.kinds is None else ratings.kinds,
            "time": pl.Series([None] * len(ratings) if ratings.times is None else ratings.times, dtype=pl.Int64),
        }
    ).with_columns(pl.col("time").replace(UNKNOWN_TIME, None))
