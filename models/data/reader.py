"""Reading a data set from a directory, by a given schema, by the schema in the directory, or by a built-in one.

docs/data.md describes the layouts and the format of a schema.
"""

from functools import cache
from pathlib import Path
from typing import Literal

import numpy as np
import polars as pl

from models.data.accepted import Accepted
from models.data.dataset import UNKNOWN_TIME, Dataset, Entities, Ratings
from models.data.entity_files import read_entities
from models.data.malformed import DataError, Fault, MalformedRows
from models.data.rating_files import read_ratings
from models.data.saved import is_saved, load_dataset
from models.data.schema import A_RATING, DatasetSchema, SourceFile

SCHEMA_FILE = "schema.toml"

_ANYTHING = Accepted()


@cache
def built_in_schemas() -> tuple[DatasetSchema, ...]:
    """The schemas of the public data sets, sorted by name."""
    files = sorted(Path(__file__).with_name("schemas").glob("*.toml"))
    return tuple(DatasetSchema.from_toml(file) for file in files)


def find_schema(directory: Path) -> DatasetSchema:
    """The schema of a directory: its `schema.toml`, or else the built-in schema whose files are in it.

    Raises:
        DataError: There is neither; the message lists the files of each built-in schema.
        SchemaError: The `schema.toml` of the directory is wrong.
    """
    if not directory.is_dir():
        raise DataError(f"{directory} is not a directory")
    if (directory / SCHEMA_FILE).exists():
        return DatasetSchema.from_toml(directory / SCHEMA_FILE)
    for schema in built_in_schemas():
        if all(_any_exists(directory, files) for files in _file_groups(schema)):
            return schema
    layouts = "\n".join(f"  {schema.name}: {_describe_files(schema)}" for schema in built_in_schemas())
    raise DataError(
        f"{directory} has neither a {SCHEMA_FILE} nor the files of a data set known without one:\n{layouts}"
    )


def read_dataset(
    directory: Path,
    *,
    schema: DatasetSchema | None = None,
    malformed: Literal["refuse", "skip"] = "refuse",
    accepted: Accepted = _ANYTHING,
) -> tuple[Dataset, MalformedRows]:
    """Read a data set.

    Args:
        directory: Where its files are, or what `models.data.large` made of them.
        schema: Describes the files; by default the one that `find_schema` finds.
        malformed: Whether to raise an error for malformed rows ("refuse") or to leave them out ("skip").
        accepted: What a service accepts, if the data are for it. Other rows are malformed.

    Returns:
        The data set, and the malformed rows that were left out (none with "refuse"). All users and items of the files
        have a row in their table, and so do those that only the ratings name. The schema of the data set is complete:
        it has the dimensions of vectors.

    Raises:
        DataError: A file is missing, cannot be read or lacks a column; or malformed rows are refused; or the service
            does not take the data set's attributes.
            The message then gives their number, the first lines and what is wrong with them.
        SchemaError: The `schema.toml` of the directory is wrong.
    """
    rows = MalformedRows()
    if schema is None and is_saved(directory):
        return load_dataset(directory), rows
    schema = schema or find_schema(directory)
    try:
        ratings, remarks = read_ratings(directory, schema, rows, accepted)
        users, of_users, on_users = read_entities(
            directory, schema.users, noun="user", rated_ids=ratings["user"], malformed=rows
        )
        items, of_items, on_items = read_entities(
            directory, schema.items, noun="item", rated_ids=ratings["item"], malformed=rows
        )
        accepted.check_attributes(users=of_users, items=of_items)
    except DataError as error:
        raise DataError(f"{directory}: {error}{_advice(schema, rows)}") from error
    if rows and malformed == "refuse":
        raise DataError(f"{directory}: {len(rows):,} malformed rows\n{rows.summary()}{_advice(schema, rows)}")
    dataset = Dataset(
        schema=schema.model_copy(update={"users": of_users, "items": of_items}),
        users=Entities(users),
        items=Entities(items),
        ratings=_as_arrays(ratings, users["id"], items["id"]),
        remarks=(*remarks, *on_users, *on_items),
    )
    return dataset, rows


def _advice(schema: DatasetSchema, rows: MalformedRows) -> str:
    """Lines about keys of the schema that may be missing, for faults that often have this cause."""
    lines = []
    of_entities = {file.path for source in (schema.users, schema.items) for file in source.files}
    for file, fault in rows.counts:
        if fault is Fault.OFF_SCALE:
            lines.append(f"if such a value in {file} means that there is no rating, name it in no_rating")
        if fault is Fault.UNKNOWN_ITEM:
            lines.append("import the items first, or correct the ids")
        if fault is Fault.DUPLICATE and file in of_entities:
            lines.append(f"if {file} has a row for each value, such as a category, set link_table = true for the file")
    return "".join(f"\n{line}" for line in lines)


def _as_arrays(ratings: pl.DataFrame, user_ids: pl.Series, item_ids: pl.Series) -> Ratings:
    """Replace ids by rows, and sort by user."""

    def rows(ids: pl.Series, known: pl.Series) -> pl.Series:
        return ids.replace_strict(known, pl.Series(np.arange(len(known), dtype=np.int32)))

    return Ratings.from_columns(
        user_count=len(user_ids),
        users=rows(ratings["user"], user_ids).to_numpy(),
        items=rows(ratings["item"], item_ids).to_numpy(),
        values=ratings["value"].to_numpy(),
        times=ratings["time"].fill_null(UNKNOWN_TIME).to_numpy() if "time" in ratings.columns else None,
        states=ratings["state"].to_numpy() if "state" in ratings.columns else None,
        kinds=None if (ratings["kind"] == A_RATING).all() else ratings["kind"].to_numpy(),
    )


def _file_groups(schema: DatasetSchema) -> list[tuple[SourceFile, ...]]:
    """The files of each table; one of each group must exist."""
    sources = (schema.ratings, schema.interactions, schema.users, schema.items)
    return [source.files for source in sources if source is not None and source.files]


def _any_exists(directory: Path, files: tuple[SourceFile, ...]) -> bool:
    return any((directory / file.path).exists() for file in files)


def _describe_files(schema: DatasetSchema) -> str:
    return ", ".join(" or ".join(file.path for file in files) for files in _file_groups(schema))
