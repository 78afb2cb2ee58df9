"""Converting a file of more ratings than fit into memory: Polars streams it, and the arrays are mapped files.

The file is read twice. The first pass checks it and counts each user's ratings, so that the second one can write each
rating to its place among those of its user. Memory grows with users and items, not with ratings, and each rating costs
the same in a file of any size.
"""

import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from models.data.entity_files import read_entities
from models.data.ids import canonical_id, id_fault
from models.data.malformed import DataError, MalformedRows
from models.data.rating_scale import RatingScale
from models.data.reader import find_schema
from models.data.saved import array_file, save_tables
from models.data.schema import DatasetSchema, RatingsSource, SourceFile

_ROWS_AT_ONCE = 1_000_000
"""Rows that are placed at once, which bounds the memory."""

_LATEST = 100_000_000_000
"""Times beyond are not in seconds, but in milliseconds or less: this is the year 5138."""


def convert_ratings(directory: Path, out: Path, *, schema: DatasetSchema | None = None) -> int:
    """Convert a data set of ratings to mapped arrays in a new directory, which `read_dataset` opens.

    Unlike `read_dataset` it takes only what can be checked row by row: ratings in one CSV or Parquet file with a header
    and a separator of one character, without states, and with times in seconds. Malformed rows are refused.

    Args:
        directory: Where the files are.
        out: The new directory. It appears only once it is complete.
        schema: Describes the files; by default the one that `find_schema` finds.

    Returns:
        The number of ratings.

    Raises:
        DataError: A file is missing, cannot be read or converted, or has malformed rows; or `out` exists or
            cannot be written.
    """
    schema = schema or find_schema(directory)
    source, scale = schema.ratings, schema.rating_scale
    if source is None or scale is None or schema.interactions is not None:
        raise DataError(f"{directory}: only ratings can be converted, not interactions")
    if out.exists():
        raise DataError(f"{out} exists already")
    staged = out.with_name(f"{out.name}.new")
    try:
        ratings = _scan(directory, source)
        _check(ratings, scale, directory)
        counts = ratings.group_by("user").len("ratings").collect(engine="streaming")
        item_ids = ratings.select(pl.col("item").unique()).collect(engine="streaming")["item"]
        malformed = MalformedRows()
        users, of_users, _ = read_entities(
            directory, schema.users, noun="user", rated_ids=counts["user"], malformed=malformed
        )
        items, of_items, _ = read_entities(
            directory, schema.items, noun="item", rated_ids=item_ids, malformed=malformed
        )
        if malformed:
            raise DataError(f"{directory}: {len(malformed):,} malformed rows\n{malformed.summary()}")
        shutil.rmtree(staged, ignore_errors=True)
        staged.mkdir(parents=True)
        save_tables(schema.model_copy(update={"users": of_users, "items": of_items}), users, items, staged)
        total = _place(ratings, counts, users["id"], items["id"], staged)
        _refuse_repetitions(staged, directory)
        staged.replace(out)
    except (OSError, pl.exceptions.PolarsError) as error:
        raise DataError(f"{directory}: cannot be converted: {error}") from error
    finally:
        shutil.rmtree(staged, ignore_errors=True)
    return total


def _scan(directory: Path, source: RatingsSource) -> pl.LazyFrame:
    """The ratings as columns `user`, `item`, `value`, and `time` if there is one; nothing is read yet."""
    file = next((file for file in source.files if (directory / file.path).exists()), None)
    if file is None:
        raise DataError(f"none of {', '.join(file.path for file in source.files)} exists")
    if source.no_rating or source.state is not None or file.extract or file.flags:
        raise DataError(f"{file.path}: a schema with no_rating, state, extract or flags cannot be converted")
    text = _scan_file(directory / file.path, file)
    names = text.collect_schema().names()
    wanted = {"user": source.user, "item": source.item, "value": source.rating}
    if source.time is not None and source.time in names:
        wanted["time"] = source.time
    if missing := [name for name in wanted.values() if name not in names]:
        raise DataError(f"{file.path}: no column {missing[0]}")
    types = {"value": pl.Float32, "time": pl.Int64}
    return text.select(
        **{
            role: pl.col(name).cast(types[role], strict=False)
            if role in types
            else canonical_id(pl.col(name).cast(pl.String))
            for role, name in wanted.items()
        }
    )


def _scan_file(path: Path, file: SourceFile) -> pl.LazyFrame:
    if path.suffix == ".parquet":
        return pl.scan_parquet(path)
    if len(file.separator) > 1 or path.suffix == ".gz" or file.encoding != "utf-8":
        raise DataError(f"{file.path}: only UTF-8 text with a separator of one character can be converted")
    names = file.columns
    return pl.scan_csv(
        path,
        separator=file.separator,
        quote_char='"' if file.quoted else None,
        has_header=names is None,
        new_columns=None if names is None else list(names),
        null_values=["", *file.nulls],
        infer_schema=False,
    )


def _check(ratings: pl.LazyFrame, scale: RatingScale, directory: Path) -> None:
    """Refuse malformed rows, and a file without rows.

    Raises:
        DataError: There are some; the message says how many of each fault.
    """
    has_time = "time" in ratings.collect_schema().names()
    value = pl.col("value")
    faults = {
        "have no user": pl.col("user").is_null(),
        "have no item": pl.col("item").is_null(),
        "have a user or item id that is too long or has control characters": pl.any_horizontal(
            id_fault(pl.col(role)).is_not_null() for role in ("user", "item")
        ),
        "have no rating, or one that is no number": ~value.is_finite().fill_null(value=False),
        "have a time that is no whole number of seconds": ~pl.col("time").is_between(1, _LATEST).fill_null(value=False)
        if has_time
        else pl.lit(value=False),
    }
    counted = ratings.select(
        pl.len().alias("rows"), *(fault.fill_null(value=False).sum().alias(name) for name, fault in faults.items())
    )
    found = counted.collect(engine="streaming").row(0, named=True)
    if not found.pop("rows"):
        raise DataError(f"{directory}: no ratings")
    values = ratings.select(value.unique()).collect(engine="streaming")["value"].drop_nulls()
    wrong = [rating for rating in values.sort() if not scale.contains(rating)]
    lines = [f"{count:,} rows {name}" for name, count in found.items() if count]
    lines += [f"rating {wrong[0]:g} is not on the scale {scale}"] if wrong else []
    if lines:
        raise DataError("\n".join([f"{directory}: malformed rows", *lines]))


def _place(
    ratings: pl.LazyFrame, counts: pl.DataFrame, user_ids: pl.Series, item_ids: pl.Series, directory: Path
) -> int:
    """Write the arrays of `Ratings`; the ratings of a user keep their order."""
    users = pl.LazyFrame({"user": user_ids, "user_row": np.arange(len(user_ids), dtype=np.int32)})
    items = pl.LazyFrame({"item": item_ids, "item_row": np.arange(len(item_ids), dtype=np.int32)})
    of_users = users.join(counts.lazy(), on="user", how="left", maintain_order="left").collect()
    offsets = np.zeros(len(user_ids) + 1, dtype=np.int64)
    np.cumsum(of_users["ratings"].fill_null(0).to_numpy(), out=offsets[1:])
    np.save(array_file(directory, "offsets"), offsets)
    arrays: dict[str, type[np.generic]] = {"items": np.int32, "values": np.float32}
    if "time" in ratings.collect_schema().names():
        arrays["times"] = np.int64
    mapped = {
        name: np.lib.format.open_memmap(array_file(directory, name), mode="w+", dtype=kind, shape=(int(offsets[-1]),))
        for name, kind in arrays.items()
    }
    next_places = offsets[:-1].copy()
    columns = {"items": "item_row", "values": "value", "times": "time"}
    for batch in _batches(ratings):
        rows = batch.lazy().join(users, on="user", how="left", maintain_order="left")
        rows = rows.join(items, on="item", how="left", maintain_order="left").sort("user_row", maintain_order=True)
        placed = rows.collect()
        places = _places(placed["user_row"].to_numpy(), next_places)
        for name, array in mapped.items():
            array[places] = placed[columns[name]].to_numpy()
    for array in mapped.values():
        array.flush()
    return int(offsets[-1])


def _batches(ratings: pl.LazyFrame) -> Iterator[pl.DataFrame]:
    yield from ratings.collect_batches(chunk_size=_ROWS_AT_ONCE, maintain_order=True, engine="streaming")


def _places(users: NDArray[np.int32], next_places: NDArray[np.int64]) -> NDArray[np.int64]:
    """Where sorted ratings go, and move the users' next places behind them; int64 [rows]."""
    distinct, starts, counts = np.unique(users, return_index=True, return_counts=True)
    places = np.repeat(next_places[distinct] - starts, counts) + np.arange(len(users))
    next_places[distinct] += counts
    return places


def _refuse_repetitions(directory: Path, data: Path) -> None:
    """Refuse two ratings of one item by one user, some users at a time.

    Raises:
        DataError: There are some.
    """
    offsets = np.load(array_file(directory, "offsets"))
    items = np.load(array_file(directory, "items"), mmap_mode="r")
    first = 0
    while first < len(offsets) - 1:
        last = max(first + 1, int(np.searchsorted(offsets, offsets[first] + _ROWS_AT_ONCE, side="right")) - 1)
        own = np.repeat(np.arange(last - first, dtype=np.int64), np.diff(offsets[first : last + 1]))
        pairs = np.sort(own << 32 | items[offsets[first] : offsets[last]])
        if repeated := int(np.count_nonzero(pairs[1:] == pairs[:-1])):
            raise DataError(f"{data}: {repeated:,} ratings or more are of an item that their user has rated already")
        first = last
