"""Warnings about numbers that are far from all others of their column, as a mistyped price is."""

from collections.abc import Iterator

import polars as pl

from models.data.dataset import Remark
from models.data.malformed import EXAMPLES_PER_FAULT, LINE
from models.data.schema import EntitySource
from models.fields import FieldKind
from models.fields.continuous import is_far


def far_number_remarks(file: str, table: pl.DataFrame, source: EntitySource) -> Iterator[Remark]:
    """A warning for each of the first far numbers of every column.

    Args:
        file: The file.
        table: Its rows, with `LINE`, `id` and the fields.
        source: Declares the fields.
    """
    for field in source.fields:
        if field.kind is not FieldKind.CONTINUOUS:
            continue
        known = table.select(LINE, "id", field.name).drop_nulls()
        far = known.filter(is_far(known[field.name].to_numpy()))
        for line, entity_id, number in far.head(EXAMPLES_PER_FAULT).iter_rows():
            text = f"{file}:{line}: {field.name} of {entity_id!r} is {number:g}, far from all others"
            yield Remark(f"{text}; it counts as the end of their range", is_warning=True)
        if far.height > EXAMPLES_PER_FAULT:
            text = f"{file}: {field.name} has {far.height - EXAMPLES_PER_FAULT:,} more numbers far from all others"
            yield Remark(text, is_warning=True)
