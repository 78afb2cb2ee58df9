"""Reading the users or the items: several files joined by id, and their text turned into typed attributes."""

from pathlib import Path

import polars as pl

from models.data.malformed import DataError, Fault, MalformedRows
from models.data.merging import merge_tables
from models.data.schema import AttributeField, EntitySource, FieldKind, SourceFile
from models.data.tables import read_table

_VALUE_END = "\x1f"
"""Stands for all separators of a multi-valued field while it is split; text does not contain it."""

_DTYPES: dict[FieldKind, pl.DataType] = {
    FieldKind.CATEGORICAL: pl.String(),
    FieldKind.MULTI_VALUED: pl.List(pl.String),
    FieldKind.CONTINUOUS: pl.Float64(),
    FieldKind.TEXT: pl.String(),
}


def read_entities(
    directory: Path, source: EntitySource, *, rated_ids: pl.Series, malformed: MalformedRows
) -> pl.DataFrame:
    """Read the table of users or items.

    Args:
        directory: The data set's directory.
        source: Which files, and which of their columns are attributes.
        rated_ids: The ids that ratings name, in any order and number; those that no file knows get a row
            without attributes.
        malformed: Takes the rows that are left out.

    Returns:
        The columns that `Entities` describes: first the rows of the first file in its order, then the others
        by id.

    Raises:
        DataError: None of the files exists, one cannot be read, or a column is in none of them.
    """
    files = [file for file in source.files if (directory / file.path).exists()]
    if source.files and not files:
        raise DataError(f"none of {', '.join(file.path for file in source.files)} exists")
    tables = [_read_file(directory, file, source, malformed) for file in files]
    # A column that no file has is a mistake in the schema, unless a file that was left away may have it.
    if files and len(files) == len(source.files):
        _require_columns(source, tables)
    tables.append(pl.DataFrame({"id": rated_ids.unique().sort()}))
    return merge_tables([_typed(table, source) for table in tables])


def _read_file(directory: Path, file: SourceFile, source: EntitySource, malformed: MalformedRows) -> pl.DataFrame:
    """A file's ids (as `id`) and those attribute columns it has, as text; each id once."""
    table = read_table(
        directory,
        file,
        required=[source.id],
        optional=_attribute_columns(source),
        lists=[field.column for field in source.fields if field.kind is FieldKind.MULTI_VALUED],
        malformed=malformed,
    ).with_columns(pl.col(source.id).alias("id"))
    table = malformed.drop(
        table,
        file=file.path,
        where=pl.col("id").is_null(),
        fault=Fault.MISSING_ID,
        detail=pl.lit(f"no {source.id}"),
    )
    for field in source.fields:
        if field.kind is FieldKind.CONTINUOUS and field.column in table.columns:
            table = _without_wrong_numbers(table, field, file, malformed)
    return malformed.drop(
        table,
        file=file.path,
        where=~pl.col("id").is_first_distinct(),
        fault=Fault.DUPLICATE,
        detail=pl.format("{} '{}' stands in an earlier line too", pl.lit(source.id), "id"),
    )


def _attribute_columns(source: EntitySource) -> list[str]:
    title = [] if source.title is None else [source.title]
    return title + [field.column for field in source.fields]


def _without_wrong_numbers(
    table: pl.DataFrame, field: AttributeField, file: SourceFile, malformed: MalformedRows
) -> pl.DataFrame:
    text = pl.col(field.column)
    number = text.cast(pl.Float64, strict=False)
    return malformed.drop(
        table,
        file=file.path,
        where=text.is_not_null() & ~number.is_finite().fill_null(value=False),
        fault=Fault.NUMBER,
        detail=pl.format("{}: '{}' is not a number", pl.lit(field.name), text),
    )


def _require_columns(source: EntitySource, tables: list[pl.DataFrame]) -> None:
    present = {column for table in tables for column in table.columns}
    for column in _attribute_columns(source):
        if column not in present:
            raise DataError(f"no column {column!r} in {' or '.join(file.path for file in source.files)}")


def _typed(table: pl.DataFrame, source: EntitySource) -> pl.DataFrame:
    """Columns `id`, `title` and the fields, null where the table lacks the column."""
    title = pl.lit(None) if source.title is None or source.title not in table.columns else pl.col(source.title)
    return table.select(
        "id",
        title.cast(pl.String).alias("title"),
        *(_value(field, table).cast(_DTYPES[field.kind]).alias(field.name) for field in source.fields),
    )


def _value(field: AttributeField, table: pl.DataFrame) -> pl.Expr:
    if field.column not in table.columns:
        return pl.lit(None)
    column = pl.col(field.column)
    if field.remove is not None:
        column = column.str.replace_all(field.remove, "").str.strip_chars().replace("", None)
    if field.kind is not FieldKind.MULTI_VALUED:
        return column
    if table.schema[field.column] != pl.List:
        column = column.str.replace_many(dict.fromkeys(field.separators, _VALUE_END)).str.split(_VALUE_END)
    value = pl.element().str.strip_chars()
    values = column.list.eval(value.filter(value != "")).list.unique(maintain_order=True)
    return pl.when(values.list.len() > 0).then(values)
