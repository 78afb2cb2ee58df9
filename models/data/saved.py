"""A data set on disk as arrays that are mapped into memory: what is not used takes none. The format is internal."""

import shutil
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from models.data.dataset import Dataset, Entities, Ratings
from models.data.malformed import DataError
from models.data.schema import DatasetSchema

_SCHEMA, _USERS, _ITEMS = "schema.json", "users.parquet", "items.parquet"
_ARRAYS = tuple(field.name for field in fields(Ratings))


def is_saved(directory: Path) -> bool:
    """Whether a directory holds what `save_dataset` wrote."""
    return (directory / _SCHEMA).exists() and array_file(directory, "offsets").exists()


def array_file(directory: Path, name: str) -> Path:
    """The file of an array of `Ratings`."""
    return directory / f"{name}.npy"


def save_tables(schema: DatasetSchema, users: pl.DataFrame, items: pl.DataFrame, directory: Path) -> None:
    """Write all but the ratings into an existing directory."""
    (directory / _SCHEMA).write_text(schema.model_dump_json(), encoding="utf-8")
    users.write_parquet(directory / _USERS)
    items.write_parquet(directory / _ITEMS)


def save_dataset(dataset: Dataset, directory: Path) -> None:
    """Write a data set into a new directory, which appears only once it is complete.

    Raises:
        DataError: It cannot be written.
    """
    staged = directory.with_name(f"{directory.name}.new")
    try:
        shutil.rmtree(staged, ignore_errors=True)
        staged.mkdir(parents=True)
        save_tables(dataset.schema, dataset.users.table, dataset.items.table, staged)
        for name in _ARRAYS:
            if (values := getattr(dataset.ratings, name)) is not None:
                np.save(array_file(staged, name), values)
        staged.replace(directory)
    except (OSError, pl.exceptions.PolarsError) as error:
        raise DataError(f"{directory}: cannot be written: {error}") from error


def load_dataset(directory: Path) -> Dataset:
    """Open what `save_dataset` wrote. The system reads an array's parts from the disk when they are used.

    Raises:
        DataError: It cannot be read.
    """
    try:
        users, items = (pl.read_parquet(directory / name) for name in (_USERS, _ITEMS))
        ratings = Ratings(**{name: _mapped(array_file(directory, name)) for name in _ARRAYS})  # type: ignore[arg-type]
        schema = DatasetSchema.model_validate_json((directory / _SCHEMA).read_bytes())
    except (OSError, ValueError, pl.exceptions.PolarsError) as error:
        raise DataError(f"{directory}: cannot be read: {error}") from error
    return Dataset(schema=schema, users=Entities(users), items=Entities(items), ratings=ratings)


def _mapped(file: Path) -> NDArray[Any] | None:
    """The array of a file, None if there is no file. Changes stay in memory, as torch demands writable arrays."""
    return np.asarray(np.load(file, mmap_mode="c", allow_pickle=False)) if file.exists() else None
