"""Reading the users or the items: several files are joined by id, and their text becomes typed attributes."""

from pathlib import Path

import polars as pl

from models.data.dataset import Remark
from models.data.far_numbers import far_number_remarks
from models.data.id_matches import known_ids_remark, rated_ids_remark
from models.data.ids import canonical_id, id_fault, shown_id
from models.data.malformed import LINE, DataError, Fault, MalformedRows
from models.data.merging import merge_tables
from models.data.schema import EntityFile, EntitySource
from models.data.tables import read_table
from models.fields import AttributeField, field_type

_SHOWN_CHARACTERS = 60
"""Most characters of a malformed value in a message. It keeps messages short: a vector may have hundreds of numbers."""


def read_entities(
    directory: Path, source: EntitySource, *, noun: str, rated_ids: pl.Series, malformed: MalformedRows
) -> tuple[pl.DataFrame, EntitySource, list[Remark]]:
    """Read the table of users or items.

    Args:
        directory: The data set's directory.
        source: Which files, and which of their columns are attributes.
        noun: What they are in remarks: "user" or "item".
        rated_ids: The ids in the ratings, in any order; duplicates are allowed. An id that is in no file gets a row
            without attributes.
        malformed: Collects the malformed rows, which are left out.

    Returns:
        The columns that `Entities` describes: first the rows of the first file in its order, then the others by id.
        And the source with completed fields (`BaseField.complete`), and remarks on the ids and fields.

    Raises:
        DataError: None of the files exists, one cannot be read, or a column is in none of them.
    """
    files = [file for file in source.files if (directory / file.path).exists()]
    if source.files and not files:
        raise DataError(f"none of {', '.join(file.path for file in source.files)} exists")
    rated = _without_attributes(rated_ids.unique().sort(), source)
    tables: list[pl.DataFrame] = []
    remarks: list[Remark] = []
    present: set[str] = set()
    for file in files:
        table = read_table(
            directory,
            file,
            required=[_id_column(file, source)],
            optional=_attribute_columns(source),
            lists=[field.column for field in source.fields if field_type(field).takes_lists],
            malformed=malformed,
        )
        present.update(table.columns)
        raw = _by_field(table, file, source)
        source = _completed(source, raw)
        typed = _typed(raw, file, source, malformed)
        remarks += far_number_remarks(file.path, typed, source)
        tables.append(_collected(typed, source) if file.link_table else typed.drop(LINE))
    # A column that no file has is an error in the schema, unless a missing file may have it.
    if files and len(files) == len(source.files):
        _require_columns(source, present)
    adding = [place == 0 if file.adds is None else file.adds for place, file in enumerate(files)]
    known = pl.concat([rated, *(table for table, adds in zip(tables, adding, strict=True) if adds)])["id"].unique()
    remarks += [
        rated_ids_remark(file.path, table["id"], rated["id"], noun=noun)
        if adds
        else known_ids_remark(file.path, table["id"], known, noun=noun)
        for file, table, adds in zip(files, tables, adding, strict=True)
        if not adds or len(rated)
    ]
    whole = merge_tables([table.filter(pl.col("id").is_in(known.implode())) for table in (*tables, rated)])
    empty = [field.name for field in source.fields if files and whole[field.name].null_count() == len(whole)]
    remarks += [
        Remark(f"{noun} attribute {name} has no values: nothing is learned from it", is_warning=True) for name in empty
    ]
    return whole, source, remarks


def _attribute_columns(source: EntitySource) -> list[str]:
    title = [] if source.title is None else [source.title]
    return title + [field.column for field in source.fields]


def _require_columns(source: EntitySource, present: set[str]) -> None:
    for column in _attribute_columns(source):
        if column not in present:
            raise DataError(f"no column {column!r} in {' or '.join(file.path for file in source.files)}")


def _id_column(file: EntityFile, source: EntitySource) -> str:
    return source.id if file.id is None else file.id


def _by_field(table: pl.DataFrame, file: EntityFile, source: EntitySource) -> pl.DataFrame:
    """Columns `LINE`, `id`, `title` and the fields, as text or lists; null where the file lacks the column."""
    title = pl.lit(None) if source.title is None or source.title not in table.columns else pl.col(source.title)
    return table.select(
        LINE,
        canonical_id(pl.col(_id_column(file, source))).alias("id"),
        title.cast(pl.String).alias("title"),
        *(_raw_value(field, table).alias(field.name) for field in source.fields),
    )


def _raw_value(field: AttributeField, table: pl.DataFrame) -> pl.Expr:
    if field.column not in table.columns:
        return pl.lit(None, pl.String)
    column = pl.col(field.column)
    if field.remove is None or table.schema[field.column] == pl.List:
        return column
    return column.str.replace_all(field.remove, "").str.strip_chars().replace("", None)


def _completed(source: EntitySource, raw: pl.DataFrame) -> EntitySource:
    fields = tuple(field_type(field).complete(field, raw[field.name]) for field in source.fields)
    return source.model_copy(update={"fields": fields})


def _typed(raw: pl.DataFrame, file: EntityFile, source: EntitySource, malformed: MalformedRows) -> pl.DataFrame:
    """`LINE`, `id`, `title` and the fields' values of the well-formed rows. Only link tables repeat ids."""
    names = [field.name for field in source.fields]
    table = raw.select(
        LINE,
        "id",
        "title",
        *(pl.col(name).alias(_raw_name(name)) for name in names),
        *(
            field_type(field)
            .parse(field, pl.col(field.name), is_list=raw.schema[field.name] == pl.List)
            .cast(field_type(field).polars_type)
            .alias(field.name)
            for field in source.fields
        ),
    )
    table = malformed.drop(
        table,
        file=file.path,
        where=pl.col("id").is_null(),
        fault=Fault.MISSING_ID,
        detail=pl.lit(f"no {_id_column(file, source)}"),
    )
    table = malformed.drop(
        table,
        file=file.path,
        where=id_fault(pl.col("id")).is_not_null(),
        fault=Fault.ID,
        detail=pl.format(
            "{} '{}' {}", pl.lit(_id_column(file, source)), shown_id(pl.col("id")), id_fault(pl.col("id"))
        ),
    )
    for field in source.fields:
        raw_value = pl.col(_raw_name(field.name))
        shown = _shown(raw_value, is_list=raw.schema[field.name] == pl.List)
        table = malformed.drop(
            table,
            file=file.path,
            where=field_type(field).malformed(raw_value, pl.col(field.name)),
            fault=Fault.ATTRIBUTE,
            detail=pl.format(
                "{}: '{}' is not {}", pl.lit(field.name), shown, pl.lit(field_type(field).expected(field))
            ),
        )
    if not file.link_table:
        table = malformed.drop(
            table,
            file=file.path,
            where=~pl.col("id").is_first_distinct(),
            fault=Fault.DUPLICATE,
            detail=pl.format("{} '{}' is in an earlier line too", pl.lit(_id_column(file, source)), "id"),
        )
    return table.select(LINE, "id", "title", *names)


def _collected(table: pl.DataFrame, source: EntitySource) -> pl.DataFrame:
    """One row for each id of a link table."""
    rows = table.group_by("id", maintain_order=True).agg(
        pl.col("title").drop_nulls().first(),
        *(field_type(field).collected(pl.col(field.name)).alias(field.name) for field in source.fields),
    )
    lists = [name for name, kind in rows.schema.items() if kind == pl.List]
    return rows.with_columns(pl.when(pl.col(name).list.len() > 0).then(pl.col(name)) for name in lists)


def _raw_name(name: str) -> str:
    return f"{LINE}{name}"


def _shown(raw: pl.Expr, *, is_list: bool) -> pl.Expr:
    text = raw.cast(pl.List(pl.String)).list.join(", ") if is_list else raw
    is_long = text.str.len_chars() > _SHOWN_CHARACTERS
    return pl.when(is_long).then(text.str.slice(0, _SHOWN_CHARACTERS) + "…").otherwise(text)


def _without_attributes(ids: pl.Series, source: EntitySource) -> pl.DataFrame:
    return pl.DataFrame({"id": ids}).select(
        "id",
        pl.lit(None, pl.String).alias("title"),
        *(pl.lit(None, field_type(field).polars_type).alias(field.name) for field in source.fields),
    )
