"""The values by which items are described in words: their categories, and the decades of a field of years."""

import re
from collections.abc import Iterator

import polars as pl

from models.data.schema import EntitySource
from models.fields import field_type

_YEARS = (1000, 3000)
"""A date field whose values all lie between these has years, and decades are values of it."""

_DECADE = re.compile(r"(\d{3}0)s")


def item_values(source: EntitySource, table: pl.DataFrame) -> Iterator[tuple[str, pl.DataFrame]]:
    """The values that some items have: genres, people and other categories that can filter items, and decades.

    Args:
        source: The fields of the items.
        table: The items.

    Yields:
        A field, and the columns `row` (a place in `table`) and `value` (a string). An item may have several values.
    """
    for field in source.fields:
        kind = field_type(field)
        if kind.filterable and not kind.ordered:
            yield field.name, kind.filter_values(table[field.name]).unique()
        elif field.name == source.date and (values := decades(table[field.name])) is not None:
            yield field.name, values.alias("value").to_frame().with_row_index("row").drop_nulls()


def decades(dates: pl.Series) -> pl.Series | None:
    """The decade of each date, such as "1990s", and null where it is unknown; None if the dates are no years."""
    if not dates.is_between(*_YEARS).all():
        return None
    return (dates // 10 * 10).cast(pl.Int64).cast(pl.String) + "s"


def years_of(decade: str) -> tuple[int, int] | None:
    """The first and the last year of a decade such as "1990s"; None for any other text."""
    found = _DECADE.fullmatch(decade.strip())
    return None if found is None else (int(found[1]), int(found[1]) + 9)
