"""Reading ratings and interactions from files into typed columns, and checking every row against the schema."""

from collections.abc import Collection
from pathlib import Path

import polars as pl

from models.data.accepted import Accepted
from models.data.dataset import Remark, State
from models.data.ids import canonical_id, id_fault, shown_id
from models.data.malformed import LINE, DataError, Fault, MalformedRows
from models.data.merging import without_repetitions
from models.data.rating_scale import RatingScale
from models.data.schema import A_RATING, DatasetSchema, InteractionsSource, RatingsSource, SourceFile
from models.data.tables import read_chunks
from models.data.times import TimeColumn


def read_ratings(
    directory: Path, schema: DatasetSchema, malformed: MalformedRows, accepted: Accepted
) -> tuple[pl.DataFrame, list[Remark]]:
    """Read the first rating file and the first interaction file of the schema that exist.

    Args:
        directory: The data set's directory.
        schema: Names the files, their columns, the rating scale and the kinds of interactions.
        malformed: Collects the rows that are left out. If a user has two ratings of an item, the later by time is kept;
            without times, the later line. Repeated interactions are not malformed: `without_repetitions` says which
            of them is kept.
        accepted: What else the rows must be.

    Returns:
        Columns `user` and `item` (ids), `value` (Float32), `kind` (Int8, as in `Ratings.kinds`), and, if the files have
        them, `time` (Int64, seconds since 1970, null if unknown) and `state` (Int8, values of `State`), in the order of
        the files. And remarks on them.

    Raises:
        DataError: No file exists, or a file cannot be read, lacks a column or has no rows; or only one of two files has
            states; or the times fit no unit or format.
    """
    tables: list[pl.DataFrame] = []
    remarks: list[Remark] = []
    if schema.ratings is not None and schema.rating_scale is not None:
        ratings, remarks = _read_ratings(directory, schema.ratings, schema.rating_scale, malformed, accepted)
        tables.append(ratings)
    if schema.interactions is not None:
        tables.append(_read_interactions(directory, schema.interactions, malformed, accepted))
    if len({"state" in table.columns for table in tables}) > 1:
        raise DataError("ratings and interactions: either both or none of them need a column of states")
    whole = pl.concat(tables, how="diagonal")
    return (whole if schema.interactions is None else without_repetitions(whole)), remarks


def _read_ratings(
    directory: Path, source: RatingsSource, scale: RatingScale, malformed: MalformedRows, accepted: Accepted
) -> tuple[pl.DataFrame, list[Remark]]:
    file = _first_existing(directory, source)
    names = _columns(file, source, {"value": source.rating})
    times = TimeColumn(file.path, names.get("time", ""), source.time_format)
    left_out = 0
    tables = []
    for chunk in read_chunks(directory, file, required=list(names.values()), malformed=malformed):
        text = _with_known_items(_checked(chunk, names, file.path, times, malformed), file.path, accepted, malformed)
        rated = text.filter(~_has_no_rating(source))
        left_out += len(text) - len(rated)
        values = _with_values(rated, scale, file.path, malformed)
        if accepted.rating_scale is not None:
            values = _on_scale(values, accepted.rating_scale, "the scale of the active model,", file.path, malformed)
        tables.append(values.with_columns(pl.col("value").cast(pl.Float32)))
    ratings = pl.concat(tables)
    if ratings.is_empty():
        raise DataError(f"{file.path}: no ratings" + (f"\n{malformed.summary()}" if malformed else ""))
    if "time" in names:
        ratings = times.in_seconds(ratings)
    ratings = _without_duplicates(ratings, file.path, malformed).drop(LINE)
    meaning = ", ".join(f"{value:g}" if isinstance(value, float) else repr(value) for value in source.no_rating)
    remarks = [Remark(f"{file.path}: {left_out:,} rows have no rating ({meaning}) and are left out")]
    return ratings.with_columns(kind=pl.lit(A_RATING, dtype=pl.Int8)), remarks if source.no_rating else []


def _read_interactions(
    directory: Path, source: InteractionsSource, malformed: MalformedRows, accepted: Accepted
) -> pl.DataFrame:
    file = _first_existing(directory, source)
    names = _columns(file, source, {} if source.kind is None else {"kind": source.kind})
    times = TimeColumn(file.path, names.get("time", ""), source.time_format)
    tables = []
    for chunk in read_chunks(directory, file, required=list(names.values()), malformed=malformed):
        text = _with_known_items(_checked(chunk, names, file.path, times, malformed), file.path, accepted, malformed)
        tables.append(_with_kinds(text, source.kinds, accepted.kinds, file.path, malformed))
    interactions = pl.concat(tables)
    if interactions.is_empty():
        raise DataError(f"{file.path}: no interactions" + (f"\n{malformed.summary()}" if malformed else ""))
    if "time" in names:
        interactions = times.in_seconds(interactions)
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


def _checked(
    chunk: pl.DataFrame, names: dict[str, str], file: str, times: TimeColumn, malformed: MalformedRows
) -> pl.DataFrame:
    """The rows of a chunk with well-formed ids, times and states, with `LINE` and the columns in `names`."""
    text = chunk.select(LINE, **{role: pl.col(name) for role, name in names.items()})
    text = text.with_columns(canonical_id(pl.col("user", "item")))
    for role in ("user", "item"):
        text = malformed.drop(
            text,
            file=file,
            where=pl.col(role).is_null(),
            fault=Fault.MISSING_ID,
            detail=pl.lit(f"no {names[role]}"),
        )
        fault = id_fault(pl.col(role))
        text = malformed.drop(
            text,
            file=file,
            where=fault.is_not_null(),
            fault=Fault.ID,
            detail=pl.format("{} '{}' {}", pl.lit(names[role]), shown_id(pl.col(role)), fault),
        )
    if "time" in names:
        text = times.parsed(text, malformed)
    if "state" in names:
        text = _with_states(text, file, malformed)
    return text


def _with_known_items(text: pl.DataFrame, file: str, accepted: Accepted, malformed: MalformedRows) -> pl.DataFrame:
    """The rows with an item of the catalogue; all rows if there is no catalogue."""
    if accepted.item_ids is None:
        return text
    return malformed.drop(
        text,
        file=file,
        where=~pl.col("item").is_in(accepted.item_ids.implode()),
        fault=Fault.UNKNOWN_ITEM,
        detail=pl.format("item {} is not in the catalogue", _quoted("item")),
    )


def _has_no_rating(source: RatingsSource) -> pl.Expr:
    """Whether the value of each row is one of those that mean no rating."""
    text, number = pl.col("value").fill_null(""), pl.col("value").cast(pl.Float64, strict=False)
    texts = [value for value in source.no_rating if isinstance(value, str)]
    numbers = [value for value in source.no_rating if not isinstance(value, str)]
    return text.is_in(texts) | number.is_in(numbers).fill_null(value=False)


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
    return _on_scale(text, scale, "the scale", file, malformed)


def _on_scale(text: pl.DataFrame, scale: RatingScale, name: str, file: str, malformed: MalformedRows) -> pl.DataFrame:
    """The rows with a rating on a scale. The ratings are still texts."""
    value = pl.col("value").cast(pl.Float64)
    levels = [level for level in text.select(value).to_series().unique() if scale.contains(level)]
    return malformed.drop(
        text,
        file=file,
        where=~value.is_in(levels),
        fault=Fault.OFF_SCALE,
        detail=pl.format("rating {} is not on {} {}", _quoted("value"), pl.lit(name), pl.lit(str(scale))),
    )


def _with_kinds(
    text: pl.DataFrame,
    kinds: dict[str, float],
    service_kinds: Collection[str] | None,
    file: str,
    malformed: MalformedRows,
) -> pl.DataFrame:
    """The rows with their kinds and their weights as values. The service may take some of the kinds only."""
    names = list(kinds)
    if "kind" not in text.columns:
        text = text.with_columns(kind=pl.lit(next(name for name in names if kinds[name] > 0)))
    for known in (names, *(() if service_kinds is None else (list(service_kinds),))):
        text = malformed.drop(
            text,
            file=file,
            where=~pl.col("kind").is_in(known).fill_null(value=False),
            fault=Fault.KIND,
            detail=pl.format("kind {} is none of {}", _quoted("kind"), pl.lit(", ".join(known))),
        )
    places = {name: place for place, name in enumerate(names)}
    return text.with_columns(
        value=pl.col("kind").replace_strict(kinds, return_dtype=pl.Float32),
        kind=pl.col("kind").replace_strict(places, return_dtype=pl.Int8),
    )


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
