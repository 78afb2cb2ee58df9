"""A schema for a catalogue that has none, inferred from the columns of its file."""

from pathlib import Path

import polars as pl

from models.data.malformed import LINE, DataError, MalformedRows
from models.data.schema import RESERVED_NAMES, DatasetSchema, EntityFile, EntitySource, InteractionsSource, SourceFile
from models.data.tables import columns_of, read_table
from models.fields import AttributeField, FieldKind

_IDS = ("id", "item_id", "itemid", "sku", "product_id", "asin", "isbn")
_TITLES = ("title", "name", "item_name", "product_name", "label")
"""Names of columns, in lower case; the first that a file has is taken."""

_CODES = ("category", "class", "code", "brand", "type", "group", "department")
"""Words in the name of a column whose numbers are codes, and not quantities."""

_SEPARATORS = ("|", ";", ",")
"""What may stand between the values of a multi-valued field, tried in this order."""

_SHARE = 0.05
"""A column is multi-valued if at least this share of its values has a separator. It decides a guess, and no model."""

_WORDS = 4
"""A column is a text if its values have at least so many words on average. It decides a guess, and no model."""


def inferred_schema(path: Path) -> DatasetSchema:
    """Infer a schema from a catalogue: a CSV file (`.csv`, `.tsv`, `.gz`) with a header, or a Parquet file.

    The column of the ids has one of the usual names, or else is the first one. Of the others, numbers become
    continuous fields, and values with separators multi-valued ones. Long texts become texts. What has one
    value per item is left out, and everything else is categorical. The service then collects interactions of the
    default kinds.

    Raises:
        DataError: The file cannot be read, or has no rows.
    """
    source = EntityFile(path=path.name, separator="\t" if ".tsv" in path.suffixes else ",")
    names = columns_of(path.parent, source)
    table = read_table(path.parent, source, required=names, lists=names, malformed=MalformedRows()).drop(LINE)
    if table.is_empty():
        raise DataError(f"{path}: no items")
    id_column = _first_of(_IDS, names) or names[0]
    title = _first_of(_TITLES, [name for name in names if name != id_column])
    others = [name for name in names if name not in (id_column, title)]
    fields = [field for name in others if (field := _field_of(name, table[name])) is not None]
    return DatasetSchema(
        name=path.name.partition(".")[0] or "catalogue",
        interactions=InteractionsSource(
            files=(SourceFile(path="interactions.csv"),), user="user_id", item="item_id", kind="kind", time="time"
        ),
        items=EntitySource(files=(source,), id=id_column, title=title, fields=tuple(fields)),
    )


def _first_of(names: tuple[str, ...], columns: list[str]) -> str | None:
    by_name = {column.lower(): column for column in columns}
    return next((by_name[name] for name in names if name in by_name), None)


def _field_of(column: str, values: pl.Series) -> AttributeField | None:
    """The field of a column; None if it says nothing about the item."""
    name = f"{column}_" if column in RESERVED_NAMES else column
    if values.dtype == pl.List:
        return AttributeField(name=name, column=column, kind=FieldKind.MULTI_VALUED)
    known = values.drop_nulls()
    distinct = known.n_unique()
    if distinct < 2 or values.dtype != pl.String:
        return None
    is_number = bool(known.cast(pl.Float64, strict=False).is_not_null().all())
    is_text = float(known.str.count_matches(r"\S+").to_numpy().mean()) >= _WORDS
    separator = None if is_number else _separator_of(known, is_text=is_text)
    if is_number and not any(word in column.lower() for word in _CODES):
        kind = FieldKind.CONTINUOUS
    elif separator is not None:
        return AttributeField(name=name, column=column, kind=FieldKind.MULTI_VALUED, separators=(separator,))
    elif is_text:
        kind = FieldKind.TEXT
    elif distinct == len(known):
        return None
    else:
        kind = FieldKind.CATEGORICAL
    return AttributeField(name=name, column=column, kind=kind)


def _separator_of(known: pl.Series, *, is_text: bool) -> str | None:
    """What stands between the values of a multi-valued column; None if nothing does. Texts have commas too."""
    for separator in _SEPARATORS[:-1] if is_text else _SEPARATORS:
        if float(known.str.contains(separator, literal=True).to_numpy().mean()) >= _SHARE:
            return separator
    return None
