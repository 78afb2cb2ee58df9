"""Malformed rows of a data set: all are counted, and the first ones are kept as examples."""

from collections import Counter
from dataclasses import dataclass
from enum import StrEnum

import polars as pl

LINE = "__line__"
"""The column with the line on which a row begins, from 1; in a Parquet file, the number of the row."""

EXAMPLES_PER_FAULT = 5
"""Most examples of each fault in each file. It bounds the memory, and keeps messages short enough to read."""


class DataError(ValueError):
    """A data set cannot be read or used. The message names the place and the reason."""


class Fault(StrEnum):
    """Why a row is malformed."""

    FIELD_COUNT = "wrong number of fields"
    QUOTES = "broken quotes"
    ENCODING = "bytes that are not text"
    FLAG = "flag is neither 0 nor 1"
    MISSING_ID = "no id"
    ID = "id that breaks the rule"
    NUMBER = "not a number"
    ATTRIBUTE = "attribute that does not fit its field"
    OFF_SCALE = "rating off the scale"
    KIND = "unknown kind of interaction"
    TIME = "time that cannot be read"
    STATE = "unknown state"
    UNKNOWN_ITEM = "item that is not in the catalogue"
    DUPLICATE = "duplicate"


@dataclass(frozen=True)
class MalformedRow:
    """One malformed row.

    Attributes:
        file: The path in the schema.
        line: The line on which the row begins, from 1; in a Parquet file, the number of the row.
        fault: What kind of fault.
        detail: The fault in words, with the values of the row.
    """

    file: str
    line: int
    fault: Fault
    detail: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.detail}"


class MalformedRows:
    """The malformed rows of a data set; `len` is their number.

    Attributes:
        counts: The number of rows by file and fault.
        examples: The first rows of each file and fault.
    """

    def __init__(self) -> None:
        self.counts: Counter[tuple[str, Fault]] = Counter()
        self.examples: list[MalformedRow] = []

    def __len__(self) -> int:
        return self.counts.total()

    def add(self, row: MalformedRow) -> None:
        """Count a row, and keep it if its fault has few examples so far."""
        key = (row.file, row.fault)
        if self.counts[key] < EXAMPLES_PER_FAULT:
            self.examples.append(row)
        self.counts[key] += 1

    def drop(self, frame: pl.DataFrame, *, file: str, where: pl.Expr, fault: Fault, detail: pl.Expr) -> pl.DataFrame:
        """Count the rows of a frame that have a fault, and return the others.

        Args:
            frame: Rows with their `LINE`.
            file: The file that they are from.
            where: True for the rows with the fault; null counts as false.
            fault: The fault.
            detail: The `MalformedRow.detail` of a row.
        """
        faulty = where.fill_null(value=False)
        rows = frame.filter(faulty)
        if rows.is_empty():
            return frame
        examples = rows.head(EXAMPLES_PER_FAULT).select(LINE, detail.alias("detail"))
        for line, text in examples.iter_rows():
            self.add(MalformedRow(file, line, fault, text))
        self.counts[file, fault] += rows.height - examples.height
        return frame.filter(~faulty)

    def summary(self) -> str:
        """The totals by file and fault, each followed by its examples, one per line."""
        lines = []
        for (file, fault), count in self.counts.items():
            lines.append(f"{file}: {fault}: {count:,} {'row' if count == 1 else 'rows'}")
            examples = [row for row in self.examples if (row.file, row.fault) == (file, fault)]
            lines += [f"  {example}" for example in examples]
            if count > len(examples):
                lines.append(f"  and {count - len(examples):,} more")
        return "\n".join(lines)
