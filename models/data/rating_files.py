"""Reading ratings and interactions from files into typed columns, and checking every row against the schema."""

from pathlib import Path

import polars as pl

from models.data.dataset import State
from models.data.malformed import LINE, DataError, Fault, MalformedRows
from models.data.merging import without_repetitions
from models.data.schema import A_RATING, DatasetSchema, InteractionsSource, RatingScale, RatingsSource, SourceFile
from models.data.tables import read_chunks


def read_ratings(directory: Path, schema: DatasetSchema, malformed: MalformedRows) -> pl.DataFrame:
    """Read the first rating file and the first interaction file of the schema that exist.

    Args:
        directory: The data set's directory.
        schema: Names the files, their columns, the rating scale and the kinds of interactions.
        malformed: Collects the rows that are left out. If a user has two ratings of an item, the later by time is kept;
            without times, the later line. Repeated interactions are not malformed: `without_repetitions` says which
            of them is kept.

    Returns:
        Columns `user` and `item` (ids), `value` (Float32), `kind` (Int8, as in `Ratings.kinds`), and, if the files have
        them, `time` (Int64, seconds since 1970, null if unknown) and `state` (Int8, values of `State`), in the order of
        the files.

    Raises:
        DataError: No file exists, or a file cannot be read, lacks a column or has no rows; or only one of two files has
            states.
    """
    tables = []
    if schema.ratings is not None and schema.rating_scale is not None:
        tables.append(_read_ratings(directory, schema.ratings, schema.rating_scale, malformed))
    if schema.interactions is not None:
        tables.append(_read_interactions(directory, schema.interactions, malformed))
    if len({"state" in table.columns for table in tables}) > 1:
        raise DataError("ratings and interactions: either both or none of them need a column of states")
    whole = pl.concat(tables, how="diagonal")
    return whole if schema.interactions is None else without_repetitions(whole)


def _read_ratings(directory: Path, source: RatingsSource, scale: RatingScale, malformed: MalformedRows) -> pl.DataFrame:
    file = _first_existing(directory, source)
    names = _columns(file, source, {"value": source.rating})
    chunks = read_chunks(directory, file, required=list(names.values()), malformed=malformed)
    ratings = pl.concat(
        _with_values(_checked(chunk, names, file.path, malformed), scale, file.path, malformed) for chunk in chunks
    )
    if ratings.is_empty():
        raise DataError(f"{file.path}: no ratings" + (f"\n{malformed.summary()}" if malformed else ""))
    ratings = _without_duplicates(ratings, file.path, malformed).drop(LINE)
    return ratings.with_columns(kind=pl.lit(A_RATING, dtype=pl.Int8))


def _read_interactions(directory: Path, source: InteractionsSource, malformed: MalformedRows) -> pl.DataFrame:
    file = _first_existing(directory, source)
    names = _columns(file, source, {} if source.kind is None else {"kind": source.kind})
    chunks = read_chunks(directory, file, required=list(names.values()), malformed=malformed)
    interactions = pl.concat(
        _with_kinds(_checked(chunk, names, file.path, malformed), source.kinds, file.path, malformed)
        for chunk in chunks
    )
    if interactions.is_empty():
        raise DataError(f"{file.path}: no interactions" + (f"\n{malformed.summary()}" if malformed else ""))
    return interactions.drop(LINE)


def _first_existing(directory: Path, source: RatingsSource | InteractionsSource) -> SourceFile:
    for file in source.files:
        if (directory / file.path).exists():
            return file
    raise DataError(f"none of {', '.join(file.path for file in source.files)} exists")


def _columns(file: SourceFile, source: RatingsSource | InteractionsSource, others: dict[str, str]) -> dict[str, str]:
    """The name in the file of each column: `user`, `item`, others, and `time` and `state` if the file has them.

    A file without a header has no times or states if its `columns` do not list them. A file with a header must have all
    columns that the schema names.
    """
    optional = {"time": source.time, "state": source.state}
    return {"user": source.user, "item": source.item, **others} | {
        role: name
        for role, name in optional.items()
        if name is not None and (file.columns is None or name in file.columns)
    }


def _checked(chunk: pl.DataFrame, names: dict[str, str], file: str, malformed: MalformedRows) -> pl.DataFrame:
    """The rows of a chunk with well-formed ids, times and states, with `LINE` and the columns in `names`."""
    text = chunk.select(LINE, **{role: pl.col(name) for role, name in names.items()})
    for role in ("user", "item"):
        text = malformed.drop(
            text,
            file=file,
            where=pl.col(role).is_null(),
            fault=Fault.MISSING_ID,
            detail=pl.lit(f"no {names[role]}"),
        )
    if "time" in names:
        text = _with_times(text, file, malformed)
    if "state" in names:
        text = _with_states(text, file, malformed)
    return text


def _quoted(column: str) -> pl.Expr:
    """The text of a column in quotes, for a message."""
    return pl.format("'{}'", pl.col(column).fill_null(""))


def _with_values(text: pl.DataFrame, scale: RatingScale, file: str, malformed: MalformedRows) -> pl.DataFrame:
    value = pl.col("value").cast(pl.Float64, strict=False)
    text = malformed.drop(
        text,
        file=file,
        where=~value.is_finite().fill_null(value=False),
        fault=Fault.NUMBER,
        detail=pl.format("rating {} is not a number", _quoted("value")),
    )
    levels = [level for level in text.select(value).to_series().unique() if scale.contains(level)]
    text = malformed.drop(
        text,
        file=file,
        where=~value.is_in(levels),
        fault=Fault.OFF_SCALE,
        detail=pl.format("rating {} is not on the scale {}", _quoted("value"), pl.lit(str(scale))),
    )
    return text.with_columns(value.cast(pl.Float32))


def _with_kinds(text: pl.DataFrame, kinds: dict[str, float], file: str, malformed: MalformedRows) -> pl.DataFrame:
    """The rows with their kinds and their weights as values."""
    names = list(kinds)
    if "kind" not in text.columns:
        text = text.with_columns(kind=pl.lit(next(name for name in names if kinds[name] > 0)))
    text = malformed.drop(
        text,
        file=file,
        where=~pl.col("kind").is_in(names).fill_null(value=False),
        fault=Fault.KIND,
        detail=pl.format("kind {} is none of {}", _quoted("kind"), pl.lit(", ".join(names))),
    )
    places = {name: place for place, name in enumerate(names)}
    return text.with_columns(
        value=pl.col("kind").replace_strict(kinds, return_dtype=pl.Float32),
        kind=pl.col("kind").replace_strict(places, return_dtype=pl.Int8),
    )


def _with_times(text: pl.DataFrame, file: str, malformed: MalformedRows) -> pl.DataFrame:
    # Data frames with missing values write whole numbers as "978300019.0".
    number = pl.col("time").cast(pl.Float64, strict=False)
    text = malformed.drop(
        text,
        file=file,
        where=~(number.is_finite() & (number == number.floor())).fill_null(value=False),
        fault=Fault.NUMBER,
        detail=pl.format("time {} is not a whole number of seconds", _quoted("time")),
    )
    return text.with_columns(number.cast(pl.Int64))


def _with_states(text: pl.DataFrame, file: str, malformed: MalformedRows) -> pl.DataFrame:
    labels = {state.label: int(state) for state in State}
    text = malformed.drop(
        text,
        file=file,
        where=~pl.col("state").is_in(labels.keys()).fill_null(value=False),
        fault=Fault.STATE,
        detail=pl.format("state {} is none of {}", _quoted("state"), pl.lit(", ".join(labels))),
    )
    return text.with_columns(pl.col("state").replace_strict(labels, return_dtype=pl.Int8))


def _without_duplicates(ratings: pl.DataFrame, file: str, malformed: MalformedRows) -> pl.DataFrame:
    pair = pl.struct("user", "item")
    if ratings.select(pair.is_unique().all()).item():
        return ratings
    in_time = ratings.sort("time", maintain_order=True) if "time" in ratings.columns else ratings
    return malformed.drop(
        in_time,
        file=file,
        where=~pair.is_last_distinct(),
        fault=Fault.DUPLICATE,
        detail=pl.format("user '{}' rates item '{}' again later", "user", "item"),
    ).sort(LINE)
