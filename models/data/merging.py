"""Tables and data sets that know something of the same users and items, made into one."""

from collections.abc import Collection, Sequence

import polars as pl

from models.data.dataset import Dataset, Entities, Ratings


def merge_tables(tables: Sequence[pl.DataFrame]) -> pl.DataFrame:
    """One row an id, with each column's first known value: the first table's rows in their order, then others by id."""
    first, *others = tables
    rows = pl.concat([first, pl.concat(others).sort("id", maintain_order=True)]) if others else first
    return rows.group_by("id", maintain_order=True).agg(pl.all().drop_nulls().first())


def merge_datasets(dataset: Dataset, older: Dataset, *, without_items: Collection[str] = ()) -> Dataset:
    """What two data sets of one schema know together; of a state column nothing stays.

    Args:
        dataset: Where both know an attribute, this one is right.
        older: Of two ratings of an item by a user the later one stays; without times, the first data set's.
        without_items: Ids of items of the older data set that are left out, with their ratings.
    """
    gone = list(without_items)
    items = merge_tables([dataset.items.table, older.items.table.filter(~pl.col("id").is_in(gone))])
    users = merge_tables([dataset.users.table, older.users.table])
    merged = Dataset(schema=dataset.schema, users=Entities(users), items=Entities(items), ratings=dataset.ratings)
    rows = {"user": merged.users.row_of, "item": merged.items.row_of}
    ratings = (
        pl.concat([_by_id(older).filter(~pl.col("item").is_in(gone)), _by_id(dataset)])
        .sort("time", nulls_last=False, maintain_order=True)
        .unique(["user", "item"], keep="last", maintain_order=True)
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
        ),
    )


def _by_id(dataset: Dataset) -> pl.DataFrame:
    """The ratings with ids instead of rows; the time is null where there is none."""
    ratings = dataset.ratings
    return pl.DataFrame(
        {
            "user": dataset.users.table["id"][ratings.users],
            "item": dataset.items.table["id"][ratings.items],
            "value": ratings.values,
            "time": pl.Series([None] * len(ratings) if ratings.times is None else ratings.times, dtype=pl.Int64),
        }
    )
