"""Saving a data set for work that may be interrupted, and loading it again. The format is internal."""

import shutil
from pathlib import Path

import polars as pl

from models.data.dataset import Dataset, Entities, Ratings
from models.data.malformed import DataError
from models.data.schema import DatasetSchema

_SCHEMA, _USERS, _ITEMS, _RATINGS = "schema.json", "users.parquet", "items.parquet", "ratings.parquet"


def save_dataset(dataset: Dataset, directory: Path) -> None:
    """Write a data set into a new directory, which appears only once it is complete.

    Raises:
        DataError: It cannot be written.
    """
    staged = directory.with_name(f"{directory.name}.new")
    ratings = dataset.ratings
    columns = {"user": ratings.users, "item": ratings.items, "value": ratings.values}
    optional = {"time": ratings.times, "state": ratings.states, "kind": ratings.kinds}
    try:
        shutil.rmtree(staged, ignore_errors=True)
        staged.mkdir(parents=True)
        (staged / _SCHEMA).write_text(dataset.schema.model_dump_json(), encoding="utf-8")
        dataset.users.table.write_parquet(staged / _USERS)
        dataset.items.table.write_parquet(staged / _ITEMS)
        known = {name: values for name, values in optional.items() if values is not None}
        pl.DataFrame({**columns, **known}).write_parquet(staged / _RATINGS)
        staged.replace(directory)
    except (OSError, pl.exceptions.PolarsError) as error:
        raise DataError(f"{directory}: cannot be written: {error}") from error


def load_dataset(directory: Path) -> Dataset:
    """Read what `save_dataset` wrote.

    Raises:
        DataError: It cannot be read.
    """
    try:
        users, items, ratings = (pl.read_parquet(directory / name) for name in (_USERS, _ITEMS, _RATINGS))
        schema = DatasetSchema.model_validate_json((directory / _SCHEMA).read_bytes())
    except (OSError, ValueError, pl.exceptions.PolarsError) as error:
        raise DataError(f"{directory}: cannot be read: {error}") from error
    return Dataset(
        schema=schema,
        users=Entities(users),
        items=Entities(items),
        ratings=Ratings.from_columns(
            user_count=len(users),
            users=ratings["user"].to_numpy(),
            items=ratings["item"].to_numpy(),
            values=ratings["value"].to_numpy(),
            times=ratings["time"].to_numpy() if "time" in ratings.columns else None,
            states=ratings["state"].to_numpy() if "state" in ratings.columns else None,
            kinds=ratings["kind"].to_numpy() if "kind" in ratings.columns else None,
        ),
    )
